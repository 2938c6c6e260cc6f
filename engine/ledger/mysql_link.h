/* mysql_link: one blocking MySQL or MariaDB session.
 * Why:    time-outs, session settings, prepared statements and the meaning of error codes are in
 *         one place, and so are the few differences of libmysqlclient and MariaDB Connector/C.
 * Never:  reconnects by itself inside a transaction; hides a lost reply; knows a table.
 * Thread: that of its owner, from create to destroy.  Owner: the caller of mysql_link_create().
 *
 * What the calls return (PROTOCOL §6):
 *   ERR_OK           done
 *   ERR_BUSY         deadlock or lock wait: roll back, repeat the whole transaction
 *   ERR_LOST         the session is gone in mid-call: done or not done, read it back
 *   ERR_UNAVAILABLE  no session, or the server cannot serve now (full disk, read-only): pause,
 *                    repeat
 *   ERR_CONFLICT     a key refused the statement; it alone is undone, the transaction is still open
 *   ERR_RANGE        a value does not fit its column or a CHECK; the same
 *   ERR_REFUSED      the server understood and will not (no right, no table, bad SQL): a human must
 *                    act
 *   ERR_NO_MEMORY    here or there */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"

struct mysql_link;

struct mysql_link_options {
    const char *host; /* all texts are copied */
    uint32_t port;
    const char *user;
    const char *password;
    const char *database;
    const char *ca_file;          /* NULL: no TLS; else the server must prove itself by it */
    uint32_t timeout_ms;          /* connect, read and write; whole seconds are used, at least 1 */
    uint32_t lock_wait_timeout_s; /* 0: 5 */
    uint32_t session_idle_s;      /* wait_timeout; 0: 10. A stopped worker's locks end with it */
};

/* Once in a process, before any other thread (libmysqlclient is not safe there). Thread: init. */
MUST_CHECK enum err mysql_link_library_start(void);
void mysql_link_library_stop(void);
/* At the end of each thread that used a link (libmysqlclient leaks without). */
void mysql_link_thread_end(void);

/* No I/O. NULL: no memory. */
struct mysql_link *mysql_link_create(const struct mysql_link_options *options);
/* NULL is fine; an open transaction is rolled back. */
void mysql_link_destroy(struct mysql_link *link);

/* Connects if there is no session, pings one that was idle for 3 s, and connects again if it is
 * dead. Queries outside of a transaction and mysql_link_transaction() call it themselves. Call it
 * each second while idle: the server ends a session that is silent for `session_idle_s`. Asserts:
 * no open transaction. ERR_UNAVAILABLE, ERR_REFUSED (no right, no such database), ERR_NO_MEMORY. */
MUST_CHECK enum err mysql_link_ensure(struct mysql_link *link);
/* Ends the session without a word; the server rolls back. */
void mysql_link_drop(struct mysql_link *link);
bool mysql_link_is_up(const struct mysql_link *link);
/* +1 by each session; 0: there was none. What was believed in another one must be read again. */
uint64_t mysql_link_generation(const struct mysql_link *link);
/* The server's thread id of the session (for KILL); 0: none. */
uint64_t mysql_link_session_id(const struct mysql_link *link);
/* Of the last failed call: the code (0: none), and a text for logs, valid until the next call. */
unsigned mysql_link_error_code(const struct mysql_link *link);
const char *mysql_link_error_text(const struct mysql_link *link);

/* A value of a statement or of a row. Bytes are borrowed: for the call, or until the row callback
 * ends. */
enum sql_kind { SQL_NULL, SQL_U64, SQL_I64, SQL_BYTES, SQL_BLOB };
struct sql_value {
    enum sql_kind kind;
    uint32_t size; /* of bytes */
    union {
        uint64_t u64;
        int64_t i64;
        const char *bytes; /* in rows: a NUL follows */
    };
};

static inline struct sql_value sql_null(void)
{
    return (struct sql_value){.kind = SQL_NULL, .u64 = 0};
}
static inline struct sql_value sql_u64(uint64_t value)
{
    return (struct sql_value){.kind = SQL_U64, .u64 = value};
}
static inline struct sql_value sql_i64(int64_t value)
{
    return (struct sql_value){.kind = SQL_I64, .i64 = value};
}
static inline struct sql_value sql_bytes(const void *bytes, size_t size)
{
    return (struct sql_value){.kind = SQL_BYTES, .size = (uint32_t)size, .bytes = bytes};
}
/* Bytes that are no text (a BLOB column); rows give SQL_BYTES for it. */
static inline struct sql_value sql_blob(const void *bytes, size_t size)
{
    return (struct sql_value){.kind = SQL_BLOB, .size = (uint32_t)size, .bytes = bytes};
}
static inline struct sql_value sql_text(const char *text)
{
    return sql_bytes(text, strlen(text));
}

/* A statement: `head`, then `tuple` as often as asked (with commas), then `tail`. It must be
 * static: the session keeps a prepared statement per address and count. Use powers of two for the
 * count. */
struct sql {
    const char *head;
    const char *tuple; /* NULL: there is none */
    const char *tail;  /* NULL: there is none */
};

/* Runs with `count` parameters; `*ret_affected` (may be NULL) as M6: changed rows only. */
MUST_CHECK enum err mysql_link_execute(struct mysql_link *link, const struct sql *sql,
                                       uint32_t tuples, const struct sql_value *params,
                                       size_t count, uint64_t *ret_affected);
/* Calls `row` for each row, in order; it must not use the link. What it returns other than ERR_OK
 * ends the query and is the result. `row` gets `columns` values. */
typedef enum err sql_row_fn(void *arg, const struct sql_value *columns);
MUST_CHECK enum err mysql_link_query(struct mysql_link *link, const struct sql *sql,
                                     uint32_t tuples, const struct sql_value *params, size_t count,
                                     sql_row_fn *row, void *arg);
/* AUTO_INCREMENT of the last insert. */
uint64_t mysql_link_last_id(const struct mysql_link *link);
/* DDL of a migration, by the text protocol: one statement. */
MUST_CHECK enum err mysql_link_run_text(struct mysql_link *link, const char *text, size_t size);

/* Transactions do not nest. After ERR_BUSY, ERR_LOST, ERR_UNAVAILABLE of any call inside: roll
 * back. */
MUST_CHECK enum err mysql_link_begin(struct mysql_link *link);
/* The same for reading alone: until its rollback every query sees the database as it is now, in one
 * moment. Errors as begin. */
MUST_CHECK enum err mysql_link_begin_snapshot(struct mysql_link *link);
/* ERR_LOST: unknown (M8). On any error the transaction is over for this side. */
MUST_CHECK enum err mysql_link_commit(struct mysql_link *link);
/* Always ends it: if the server cannot be told, the session is dropped. No transaction: nothing. */
void mysql_link_rollback(struct mysql_link *link);
bool mysql_link_in_transaction(const struct mysql_link *link);
/* ensure, begin, `body`, commit; rolled back if `body` fails; on ERR_BUSY the whole is repeated, 8
 * times at most. `body` must write its outputs anew each time. */
typedef enum err mysql_link_body_fn(struct mysql_link *link, void *arg);
MUST_CHECK enum err mysql_link_transaction(struct mysql_link *link, mysql_link_body_fn *body,
                                           void *arg);
