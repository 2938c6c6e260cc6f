#include "ledger/mysql_link.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/assert.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/hash.h"
#include "common/log.h"
#include "ledger/mysql_error.h"
#include "ledger/mysql_shim.h"
#include "ledger/mysql_statement.h"
#include "loop/waiter.h"

enum {
    STATEMENTS_MAX = 96,
    ERROR_SIZE = 256,
    IDLE_PING_US = 200000, /* a server that ended meanwhile is noticed here, not by a statement */
    LOCK_WAIT_TIMEOUT_S = 5,
    SESSION_IDLE_S = 10,
    ATTEMPTS_MAX = 8,
    FAILED_TOLD_S = 5,
    PAUSE_FIRST_MS = 2,
    CODE_GONE = 2006,
};

struct statement_slot {
    const struct sql *sql; /* borrowed, static */
    uint32_t tuples;
    uint64_t used_at;                  /* the link's clock: the coldest one makes room */
    struct mysql_statement *statement; /* owned */
};

struct mysql_link {
    char *host, *user, *password, *database, *ca_file; /* owned; ca_file may be NULL */
    uint32_t port;
    unsigned timeout_s, lock_wait_timeout_s, session_idle_s;
    struct waiter *pauses; /* owned; of a transaction that is tried again */
    MYSQL *mysql;          /* owned; NULL: no session */
    bool broken;           /* the session must not be used again */
    bool in_transaction;
    bool in_query; /* a row callback runs */
    uint64_t generation;
    uint64_t statement_clock;
    uint64_t last_id;
    int64_t used_at_us;
    unsigned error_code;
    char error_text[ERROR_SIZE];
    struct statement_slot statements[STATEMENTS_MAX];
};

enum err mysql_link_library_start(void)
{
    return mysql_library_init(0, NULL, NULL) == 0 ? ERR_OK : ERR_NO_MEMORY;
}

void mysql_link_library_stop(void)
{
    mysql_library_end();
}

void mysql_link_thread_end(void)
{
    mysql_thread_end();
}

static char *copy_text(const char *text, bool *failed)
{
    char *copy = strdup(text != NULL ? text : "");

    *failed = *failed || copy == NULL;
    return copy;
}

struct mysql_link *mysql_link_create(const struct mysql_link_options *options)
{
    struct mysql_link *link = calloc(1, sizeof *link);
    bool failed = false;

    if (link == NULL) {
        return NULL;
    }
    link->host = copy_text(options->host, &failed);
    link->user = copy_text(options->user, &failed);
    link->password = copy_text(options->password, &failed);
    link->database = copy_text(options->database, &failed);
    link->ca_file = options->ca_file != NULL ? copy_text(options->ca_file, &failed) : NULL;
    link->port = options->port;
    link->timeout_s = options->timeout_ms < 1000 ? 1 : options->timeout_ms / 1000;
    link->lock_wait_timeout_s =
        options->lock_wait_timeout_s != 0 ? options->lock_wait_timeout_s : LOCK_WAIT_TIMEOUT_S;
    link->session_idle_s = options->session_idle_s != 0 ? options->session_idle_s : SESSION_IDLE_S;
    link->pauses = waiter_create();
    if (failed || link->pauses == NULL) {
        mysql_link_destroy(link);
        return NULL;
    }
    return link;
}

void mysql_link_destroy(struct mysql_link *link)
{
    if (link == NULL) {
        return;
    }
    mysql_link_drop(link);
    waiter_destroy(link->pauses);
    free(link->host);
    free(link->user);
    free(link->password);
    free(link->database);
    free(link->ca_file);
    free(link);
}

static enum err fail(struct mysql_link *link, unsigned code, const char *text)
{
    link->error_code = code;
    snprintf(link->error_text, sizeof link->error_text, "%s", text);
    if (mysql_error_ends_session(code) && !link->broken) {
        link->broken = true;
        LOG_WARN("mysql_session_ended", KV_U64("code", code), KV_STR("error", link->error_text));
    }
    return mysql_error_meaning(code);
}

static enum err fail_session(struct mysql_link *link)
{
    return fail(link, mysql_errno(link->mysql), mysql_error(link->mysql));
}

void mysql_link_drop(struct mysql_link *link)
{
    ASSERT(!link->in_query);
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        mysql_statement_destroy(link->statements[i].statement);
        link->statements[i] = (struct statement_slot){0};
    }
    if (link->mysql != NULL) {
        mysql_close(link->mysql);
        link->mysql = NULL;
    }
    link->broken = false;
    link->in_transaction = false;
}

static enum err run_text(struct mysql_link *link, const char *text, size_t size)
{
    link->used_at_us = clock_mono_us();
    if (mysql_real_query(link->mysql, text, (unsigned long)size) != 0) {
        return fail_session(link);
    }
    return ERR_OK;
}

/* READ COMMITTED: the slot's and order number's owner must be seen after a 1062 (M4). */
static enum err set_session(struct mysql_link *link)
{
    char text[384];
    int size = snprintf(text, sizeof text,
                        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
                        "NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, "
                        "innodb_lock_wait_timeout = %u, wait_timeout = %u",
                        link->lock_wait_timeout_s, link->session_idle_s);
    static const char isolation[] = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    enum err err = run_text(link, text, (size_t)size);

    return err == ERR_OK ? run_text(link, isolation, sizeof isolation - 1) : err;
}

static bool set_options(struct mysql_link *link)
{
    /* A lock wait must end by the server's word, not by our read time-out: that one loses the
     * session. */
    unsigned wait_s = link->lock_wait_timeout_s + 2;
    unsigned read_s = link->timeout_s > wait_s ? link->timeout_s : wait_s;
    int failed = mysql_options(link->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &link->timeout_s);

    failed |= mysql_options(link->mysql, MYSQL_OPT_READ_TIMEOUT, &read_s);
    failed |= mysql_options(link->mysql, MYSQL_OPT_WRITE_TIMEOUT, &link->timeout_s);
    failed |= mysql_options(link->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    failed |= mysql_shim_set_tls(link->mysql, link->ca_file);
    return failed == 0;
}

static enum err connect_session(struct mysql_link *link)
{
    enum err err = ERR_OK;

    link->mysql = mysql_init(NULL);
    if (link->mysql == NULL) {
        return ERR_NO_MEMORY;
    }
    if (!set_options(link)) {
        mysql_link_drop(link);
        return ERR_REFUSED;
    }
    link->broken = true; /* until it is all that it must be */
    /* No CLIENT_FOUND_ROWS: affected rows mean changed rows everywhere (M6). */
    if (mysql_real_connect(link->mysql, link->host, link->user, link->password, link->database,
                           link->port, NULL, 0)
        == NULL) {
        err = fail_session(link);
    } else {
        link->generation++;
        err = set_session(link);
        link->broken = err != ERR_OK;
    }
    if (err != ERR_OK) {
        /* Every thread tries again and again while MySQL is away. */
        LOG_WARN_EVERY(FAILED_TOLD_S, "mysql_connect_failed", KV_STR("host", link->host),
                       KV_U64("port", link->port), KV_U64("code", link->error_code),
                       KV_STR("error", link->error_text));
        mysql_link_drop(link);
        return err == ERR_LOST ? ERR_UNAVAILABLE : err;
    }
    return ERR_OK;
}

enum err mysql_link_ensure(struct mysql_link *link)
{
    ASSERT(!link->in_transaction && !link->in_query);
    if (link->mysql != NULL && !link->broken && clock_mono_us() - link->used_at_us > IDLE_PING_US) {
        link->used_at_us = clock_mono_us();
        link->broken = mysql_ping(link->mysql) != 0;
    }
    if (link->mysql != NULL && !link->broken) {
        return ERR_OK;
    }
    mysql_link_drop(link);
    return connect_session(link);
}

bool mysql_link_is_up(const struct mysql_link *link)
{
    return link->mysql != NULL && !link->broken;
}

uint64_t mysql_link_generation(const struct mysql_link *link)
{
    return link->generation;
}

uint64_t mysql_link_session_id(const struct mysql_link *link)
{
    return link->mysql != NULL ? mysql_thread_id(link->mysql) : 0;
}

unsigned mysql_link_error_code(const struct mysql_link *link)
{
    return link->error_code;
}

const char *mysql_link_error_text(const struct mysql_link *link)
{
    return link->error_text;
}

bool mysql_link_in_transaction(const struct mysql_link *link)
{
    return link->in_transaction;
}

uint64_t mysql_link_last_id(const struct mysql_link *link)
{
    return link->last_id;
}

/* --- statements --- */

static struct statement_slot *find_slot(struct mysql_link *link, const struct sql *sql,
                                        uint32_t tuples)
{
    struct statement_slot *coldest = &link->statements[0];

    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        struct statement_slot *slot = &link->statements[i];
        if (slot->sql == sql && slot->tuples == tuples) {
            return slot;
        }
        if (slot->used_at < coldest->used_at) {
            coldest = slot;
        }
    }
    mysql_statement_destroy(coldest->statement);
    *coldest = (struct statement_slot){.sql = sql, .tuples = tuples};
    return coldest;
}

static enum err prepared(struct mysql_link *link, const struct sql *sql, uint32_t tuples,
                         struct mysql_statement **ret_statement)
{
    struct statement_slot *slot = find_slot(link, sql, tuples);
    unsigned code = 0;

    slot->used_at = ++link->statement_clock;
    if (slot->statement == NULL) {
        slot->statement = mysql_statement_create(link->mysql, sql, tuples, &code, link->error_text,
                                                 sizeof link->error_text);
    }
    if (slot->statement == NULL) {
        char text[ERROR_SIZE];
        memcpy(text, link->error_text, sizeof text);
        *slot = (struct statement_slot){0};
        return fail(link, code, text);
    }
    *ret_statement = slot->statement;
    return ERR_OK;
}

static enum err start(struct mysql_link *link, const struct sql *sql, uint32_t tuples,
                      const struct sql_value *params, size_t count,
                      struct mysql_statement **ret_statement)
{
    struct mysql_statement *statement = NULL;
    enum err err = ERR_OK;
    unsigned code = 0;

    ASSERT(!link->in_query);
    if (!link->in_transaction) {
        err = mysql_link_ensure(link);
    } else if (link->mysql == NULL || link->broken) {
        err = fail(link, CODE_GONE, "no session");
    }
    if (err != ERR_OK) {
        return err;
    }
    link->used_at_us = clock_mono_us();
    err = prepared(link, sql, tuples, &statement);
    if (err != ERR_OK) {
        return err;
    }
    code = mysql_statement_execute(statement, params, count);
    if (code != 0) {
        return fail(link, code, mysql_statement_error(statement));
    }
    *ret_statement = statement;
    return ERR_OK;
}

enum err mysql_link_execute(struct mysql_link *link, const struct sql *sql, uint32_t tuples,
                            const struct sql_value *params, size_t count, uint64_t *ret_affected)
{
    struct mysql_statement *statement = NULL;
    enum err err = start(link, sql, tuples, params, count, &statement);

    if (err != ERR_OK) {
        return err;
    }
    link->last_id = mysql_statement_last_id(statement);
    if (ret_affected != NULL) {
        *ret_affected = mysql_statement_affected(statement);
    }
    return ERR_OK;
}

enum err mysql_link_query(struct mysql_link *link, const struct sql *sql, uint32_t tuples,
                          const struct sql_value *params, size_t count, sql_row_fn *row, void *arg)
{
    struct mysql_statement *statement = NULL;
    enum err err = start(link, sql, tuples, params, count, &statement);
    unsigned code = 0;

    if (err != ERR_OK) {
        return err;
    }
    link->in_query = true;
    code = mysql_statement_fetch(statement, row, arg, &err);
    link->in_query = false;
    if (code != 0) {
        err = fail(link, code, mysql_statement_error(statement));
    }
    mysql_statement_reset(statement);
    return err;
}

enum err mysql_link_run_text(struct mysql_link *link, const char *text, size_t size)
{
    ASSERT(!link->in_query);
    if (link->mysql == NULL || link->broken) {
        return fail(link, CODE_GONE, "no session");
    }
    return run_text(link, text, size);
}

/* --- transactions --- */

enum err mysql_link_begin(struct mysql_link *link)
{
    static const char text[] = "START TRANSACTION";
    enum err err = ERR_OK;

    ASSERT(!link->in_transaction);
    err = mysql_link_run_text(link, text, sizeof text - 1);
    link->in_transaction = err == ERR_OK;
    return err;
}

enum err mysql_link_begin_snapshot(struct mysql_link *link)
{
    /* Of the next transaction alone: the session stays at READ COMMITTED. */
    static const char level[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    static const char begin[] = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    enum err err = ERR_OK;

    ASSERT(!link->in_transaction);
    err = mysql_link_run_text(link, level, sizeof level - 1);
    err = err == ERR_OK ? mysql_link_run_text(link, begin, sizeof begin - 1) : err;
    link->in_transaction = err == ERR_OK;
    return err;
}

enum err mysql_link_commit(struct mysql_link *link)
{
    static const char text[] = "COMMIT";
    enum err err = ERR_OK;

    ASSERT(link->in_transaction);
    err = mysql_link_run_text(link, text, sizeof text - 1);
    link->in_transaction = false;
    if (err == ERR_OK && FAILPOINT_FAILS(commit_lost)) {
        err = ERR_LOST;
    }
    if (err == ERR_OK || err == ERR_BUSY) {
        return err;
    }
    /* Whatever the server said instead of "done", only reading back tells what it did (M8). */
    link->broken = true;
    return ERR_LOST;
}

void mysql_link_rollback(struct mysql_link *link)
{
    static const char text[] = "ROLLBACK";

    if (!link->in_transaction) {
        return;
    }
    link->in_transaction = false;
    if (link->broken || run_text(link, text, sizeof text - 1) != ERR_OK) {
        mysql_link_drop(link);
    }
}

/* Two who ran into each other must not meet again at once (M7). */
static void pause_before_retry(const struct mysql_link *link, uint32_t attempt)
{
    uint64_t seed[2] = {(uint64_t)clock_mono_us(), mysql_link_session_id(link)};
    uint64_t most_ms = (uint64_t)PAUSE_FIRST_MS << attempt;

    (void)waiter_sleep_ms(link->pauses, (uint32_t)(1 + hash64(seed, sizeof seed, 0) % most_ms));
}

static enum err attempt_transaction(struct mysql_link *link, mysql_link_body_fn *body, void *arg)
{
    enum err err = mysql_link_ensure(link);

    if (err == ERR_OK) {
        err = mysql_link_begin(link);
    }
    if (err != ERR_OK) {
        return err == ERR_LOST ? ERR_UNAVAILABLE : err; /* nothing was asked yet */
    }
    err = body(link, arg);
    if (err == ERR_OK) {
        return mysql_link_commit(link);
    }
    mysql_link_rollback(link);
    /* Without COMMIT nothing happened, however the session ended. */
    return err == ERR_LOST ? ERR_UNAVAILABLE : err;
}

enum err mysql_link_transaction(struct mysql_link *link, mysql_link_body_fn *body, void *arg)
{
    enum err err = ERR_BUSY;

    for (uint32_t attempt = 0; attempt < ATTEMPTS_MAX && err == ERR_BUSY; attempt++) {
        if (attempt > 0) {
            pause_before_retry(link, attempt);
        }
        err = attempt_transaction(link, body, arg);
    }
    return err;
}
