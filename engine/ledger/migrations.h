/* migrations: brings the database to the schema that this build knows.
 * Why:    a worker must not run on tables of another version (FW7).
 * Never:  goes back; edits a file that was applied; runs twice at once (GET_LOCK).
 * Thread: init. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct mysql_link;

struct migration {
    uint32_t version; /* of the file's name: 1 for 001_base.sql */
    const char *name; /* the file's name */
    const char *text; /* statements, each ends with ";" at the end of a line */
};

/* schemas/mysql, embedded at build time, by ascending version. Static. */
extern const struct migration migrations_embedded[];
extern const size_t migrations_embedded_count;

/* Applies what is missing, each recorded in schema_version. `*ret_version` (may be NULL) is what
 * the database has afterwards. Harmless to repeat; another process at work is waited for (30 s,
 * then ERR_BUSY). ERR_CONFLICT: the database is newer than this build. Else as mysql_link.h. */
MUST_CHECK enum err migrations_run(struct mysql_link *link, const struct migration *list,
                                   size_t count, uint32_t *ret_version);

/* One statement of a migration, comments dropped; pure. */
struct migration_statement {
    const char *text;
    size_t size; /* without the semicolon; 0: there are no more */
};
/* The next statement at or behind `*cursor`, which moves behind it. */
struct migration_statement migration_next(const char **cursor);
