/* err: how an infrastructure call ended.
 * Why:    one code space for everything that can fail below the business outcomes.
 * Never:  carries a business outcome (domain/outcome.h) or a broken invariant (common/assert.h).
 * Thread: any. */
#pragma once

enum err {
#define ERR(name, code, text) ERR_##name,
#include "common/err.def"
#undef ERR
    ERR_COUNT
};

/* A result that must be looked at; ignoring one is written (void). */
#define MUST_CHECK __attribute__((warn_unused_result))

/* The text of err.def, static; never NULL. */
const char *err_text(enum err err);
/* The name in lower case ("no_memory"), static; never NULL. For logs and metrics. */
const char *err_name(enum err err);
