/* conf: every setting of both processes, from conf.def.
 * Why:    one table gives type, default, bounds, help, docs; both processes read one file.
 * Never:  accepts an unknown key, a bad value or an unsafe combination: one line, no start.
 * Thread: init; read-only afterwards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"

enum { CONF_TEXT_SIZE = 512, CONF_ERROR_SIZE = 512, CONF_FILE_SIZE_MAX = 65536 };

/* A STR field is char[CONF_TEXT_SIZE]. */
struct conf {
#define CONF(key, field, type, text, min, max, reload, help) CONF_FIELD_##type(field)
#define CONF_FIELD_U32(field) uint32_t field;
#define CONF_FIELD_BOOL(field) bool field;
#define CONF_FIELD_STR(field) char field[CONF_TEXT_SIZE];
#include "common/conf.def"
#undef CONF
#undef CONF_FIELD_U32
#undef CONF_FIELD_BOOL
#undef CONF_FIELD_STR
};

void conf_init(struct conf *conf); /* defaults */
/* The loaders below return ERR_OK, or ERR_CONFIG with one line in `error`; then `conf` is
 * undefined. A later loader overrides an earlier one: file, environment, --set. */

/* libconfig file, at most 64 KiB, without @include; groups nest by dots: http: { port = 80; } is
 * http.port. */
MUST_CHECK enum err conf_load_file(struct conf *conf, const char *path,
                                   char error[static CONF_ERROR_SIZE]);
/* The same from memory; `name` stands for the path in `error`. */
MUST_CHECK enum err conf_load_text(struct conf *conf, const char *name, const char *text,
                                   size_t size, char error[static CONF_ERROR_SIZE]);
/* Environment: SECKILL_CONF_ and the key in capitals, dots as two underscores
 * (SECKILL_CONF_REDIS__PORT). */
MUST_CHECK enum err conf_load_environment(struct conf *conf, char *const *environment,
                                          char error[static CONF_ERROR_SIZE]);
/* "key=value", as given to --set. */
MUST_CHECK enum err conf_set(struct conf *conf, const char *assignment,
                             char error[static CONF_ERROR_SIZE]);

enum conf_role { CONF_ROLE_ENGINE, CONF_ROLE_WORKER };
/* Relations between settings, and what the role cannot start without (conf_check.c). */
MUST_CHECK enum err conf_check(const struct conf *conf, enum conf_role role,
                               char error[static CONF_ERROR_SIZE]);

/* docs/CONFIGURATION.md */
void conf_write_docs(FILE *out);
/* deploy/seckill.conf: every setting with its help, commented out at its default. */
void conf_write_sample(FILE *out);
/* Effective values, `key = value`; a key that ends in password, secret or token prints as "***"
 * when set. */
void conf_write_values(const struct conf *conf, FILE *out);
