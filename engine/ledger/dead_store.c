#include "ledger/dead_store.h"

#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

static const char *const reason_names[] = {
#define X(name, text) text,
    DEAD_REASONS(X)
#undef X
};

const char *dead_reason_name(enum dead_reason reason)
{
    ASSERT((unsigned)reason < DEAD_REASON_COUNT);
    return reason_names[reason];
}

enum err dead_store_put_in(struct mysql_link *link, const struct dead_letter *letter)
{
    /* A record that is read again after an operator moved the offset back is the same letter: it
     * has the same bytes (004: they are in the key). */
    static const struct sql sql = {
        .head = "INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, "
                "payload, created) VALUES (?, ?, ?, ?, ?, ?, ?, " SQL_NOW_MS ") "
                "ON DUPLICATE KEY UPDATE id = id"};
    const struct sql_value params[] = {
        sql_text(letter->topic),
        sql_u64(letter->part),
        sql_u64(letter->offset),
        sql_u64(letter->sale.value),
        sql_u64(letter->order_no.value),
        sql_text(dead_reason_name(letter->reason)),
        sql_blob(letter->payload_size > 0 ? letter->payload : "", letter->payload_size),
    };

    ASSERT(mysql_link_in_transaction(link));
    return mysql_link_execute(link, &sql, 0, params, sizeof params / sizeof params[0], NULL);
}

struct read_job {
    dead_letter_fn *each;
    void *arg;
    uint64_t count;
};

static enum err on_row(void *arg, const struct sql_value *columns)
{
    struct read_job *job = arg;
    int reason = sql_column_name(&columns[6], reason_names, DEAD_REASON_COUNT);
    struct dead_letter letter = {
        .id = sql_column_u64(&columns[0]),
        .topic = columns[1].bytes,
        .part = (uint32_t)sql_column_u64(&columns[2]),
        .offset = sql_column_u64(&columns[3]),
        .sale = {(uint32_t)sql_column_u64(&columns[4])},
        .order_no = {sql_column_u64(&columns[5])},
        .payload = columns[7].bytes,
        .payload_size = sql_column_u64(&columns[11]),
        .created_ms = (int64_t)sql_column_u64(&columns[8]),
        .resolved_ms = (int64_t)sql_column_u64(&columns[9]),
        .resolution = columns[10].bytes,
    };

    if (reason < 0) {
        return ERR_PARSE;
    }
    letter.reason = (enum dead_reason)reason;
    job->count++;
    return job->each(job->arg, &letter);
}

/* `payload` is an expression: not every reader wants megabytes. */
#define DEAD_COLUMNS(payload)                                                                      \
    "SELECT id, topic, part, log_offset, sale, order_no, reason, " payload                         \
    ", created, resolved, resolution, CAST(LENGTH(payload) AS UNSIGNED) FROM dead_letters "

enum err dead_store_list(struct mysql_link *link, const struct dead_filter *filter,
                         dead_letter_fn *each, void *arg)
{
    static const struct sql all = {.head = DEAD_COLUMNS("''") "WHERE id > ? ORDER BY id LIMIT ?"};
    static const struct sql open = {
        .head = DEAD_COLUMNS("''") "WHERE id > ? AND resolved IS NULL ORDER BY id LIMIT ?"};
    const struct sql_value params[] = {sql_u64(filter->after), sql_u64(filter->limit)};
    struct read_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, filter->open_only ? &open : &all, 0, params, 2, on_row, &job);
}

static enum err read_one(struct mysql_link *link, const struct sql *sql, uint64_t id,
                         dead_letter_fn *each, void *arg)
{
    const struct sql_value params[] = {sql_u64(id)};
    struct read_job job = {.each = each, .arg = arg};
    enum err err = mysql_link_query(link, sql, 0, params, 1, on_row, &job);

    return err == ERR_OK && job.count == 0 ? ERR_NOT_FOUND : err;
}

enum err dead_store_read(struct mysql_link *link, uint64_t id, dead_letter_fn *each, void *arg)
{
    static const struct sql sql = {.head = DEAD_COLUMNS("payload") "WHERE id = ?"};

    return read_one(link, &sql, id, each, arg);
}

enum err dead_store_lock_in(struct mysql_link *link, uint64_t id, dead_letter_fn *each, void *arg)
{
    static const struct sql sql = {.head = DEAD_COLUMNS("payload") "WHERE id = ? FOR UPDATE"};

    ASSERT(mysql_link_in_transaction(link));
    return read_one(link, &sql, id, each, arg);
}

enum err dead_store_resolve_in(struct mysql_link *link, uint64_t id, const char *resolution)
{
    static const struct sql sql = {.head = "UPDATE dead_letters SET resolved = " SQL_NOW_MS
                                           ", resolution = ? WHERE id = ? AND resolved IS NULL"};
    const struct sql_value params[] = {
        sql_bytes(resolution, strnlen(resolution, DEAD_RESOLUTION_SIZE_MAX)), sql_u64(id)};
    uint64_t affected = 0;
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    err = mysql_link_execute(link, &sql, 0, params, 2, &affected);
    return err == ERR_OK && affected != 1 ? ERR_NOT_FOUND : err;
}

struct count_job {
    uint64_t of_sale, of_none;
};

static enum err on_counts(void *arg, const struct sql_value *columns)
{
    struct count_job *job = arg;

    job->of_sale = sql_column_u64(&columns[0]);
    job->of_none = sql_column_u64(&columns[1]);
    return ERR_OK;
}

enum err dead_store_open_count(struct mysql_link *link, const char *topic, struct sale_id sale,
                               uint64_t *ret_of_sale, uint64_t *ret_of_none)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COALESCE(SUM(sale = ?), 0) AS UNSIGNED), "
                "CAST(COALESCE(SUM(sale = 0), 0) AS UNSIGNED) "
                "FROM dead_letters WHERE resolved IS NULL AND sale IN (0, ?) AND topic = ?"};
    const struct sql_value params[] = {sql_u64(sale.value), sql_u64(sale.value), sql_text(topic)};
    struct count_job job = {0};
    enum err err = mysql_link_query(link, &sql, 0, params, 3, on_counts, &job);

    if (err == ERR_OK) {
        *ret_of_sale = job.of_sale;
        *ret_of_none = job.of_none;
    }
    return err;
}

/* --- the topic of dead letters --- */

enum err dead_store_unpublished(struct mysql_link *link, uint64_t after, uint32_t payload_max,
                                uint32_t limit, dead_letter_fn *each, void *arg)
{
    static const struct sql sql = {
        .head = DEAD_COLUMNS("IF(LENGTH(payload) <= ?, payload, '')") "WHERE published IS NULL AND "
                                                                      "id > ? ORDER BY id LIMIT ?"};
    const struct sql_value params[] = {sql_u64(payload_max), sql_u64(after), sql_u64(limit)};
    struct read_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 3, on_row, &job);
}

enum err dead_store_mark_published(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    static const struct sql sql = {.head = "UPDATE dead_letters SET published = " SQL_NOW_MS
                                           " WHERE published IS NULL AND id IN (",
                                   .tuple = "?",
                                   .tail = ")"};
    struct sql_value params[DEAD_PUBLISHED_MAX];
    enum err err = ERR_OK;

    ASSERT(count <= DEAD_PUBLISHED_MAX);
    while (count > 0 && err == ERR_OK) {
        const uint32_t some = sql_power_of_two(count);
        for (uint32_t i = 0; i < some; i++) {
            params[i] = sql_u64(ids[i]);
        }
        err = mysql_link_execute(link, &sql, some, params, some, NULL);
        ids += some;
        count -= some;
    }
    return err;
}

static enum err on_totals(void *arg, const struct sql_value *columns)
{
    struct dead_counts *counts = arg;

    counts->open = sql_column_u64(&columns[0]);
    counts->unpublished = sql_column_u64(&columns[1]);
    return ERR_OK;
}

enum err dead_store_counts(struct mysql_link *link, struct dead_counts *ret_counts)
{
    static const struct sql sql = {
        .head = "SELECT (SELECT CAST(COUNT(*) AS UNSIGNED) FROM dead_letters WHERE resolved IS "
                "NULL), (SELECT CAST(COUNT(*) AS UNSIGNED) FROM dead_letters WHERE published IS "
                "NULL)"};

    return mysql_link_query(link, &sql, 0, NULL, 0, on_totals, ret_counts);
}
