#include "ledger/offset_store.h"

#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

struct claim_job {
    const char *topic;
    uint32_t part;
    const char *owner;
    struct offset_claim claim;
};

static enum err on_claimed(void *arg, const struct sql_value *columns)
{
    struct claim_job *job = arg;

    job->claim.next = sql_column_u64(&columns[0]);
    job->claim.owner_epoch = sql_column_u64(&columns[1]);
    return ERR_OK;
}

static enum err insert_claim(struct mysql_link *link, struct claim_job *job)
{
    static const struct sql sql = {
        .head = "INSERT INTO consumer_offsets (topic, part, next, owner_epoch, owner, changed) "
                "VALUES (?, ?, 0, 1, ?, " SQL_NOW_MS ")"};
    const struct sql_value params[] = {sql_text(job->topic), sql_u64(job->part),
                                       sql_text(job->owner)};
    enum err err = mysql_link_execute(link, &sql, 0, params, 3, NULL);

    job->claim.next = 0;
    job->claim.owner_epoch = 1;
    return err == ERR_CONFLICT ? ERR_BUSY : err; /* somebody else was first: look again */
}

/* Raised before it is read: the row is locked then, and two claims get two epochs. */
static enum err claim_body(struct mysql_link *link, void *arg)
{
    static const struct sql raise = {
        .head = "UPDATE consumer_offsets SET owner_epoch = owner_epoch + 1, owner = ?, "
                "changed = " SQL_NOW_MS " WHERE topic = ? AND part = ?"};
    static const struct sql read = {
        .head = "SELECT next, owner_epoch FROM consumer_offsets WHERE topic = ? AND part = ?"};
    struct claim_job *job = arg;
    const struct sql_value params[] = {sql_text(job->owner), sql_text(job->topic),
                                       sql_u64(job->part)};
    uint64_t affected = 0;
    enum err err = mysql_link_execute(link, &raise, 0, params, 3, &affected);

    if (err != ERR_OK) {
        return err;
    }
    return affected == 0 ? insert_claim(link, job)
                         : mysql_link_query(link, &read, 0, params + 1, 2, on_claimed, job);
}

enum err offset_store_claim(struct mysql_link *link, const char *topic, uint32_t part,
                            const char *owner, struct offset_claim *ret_claim)
{
    struct claim_job job = {.topic = topic, .part = part, .owner = owner};
    enum err err = ERR_OK;

    if (strlen(topic) > OFFSET_TOPIC_SIZE_MAX || strlen(owner) > OFFSET_TOPIC_SIZE_MAX) {
        return ERR_RANGE;
    }
    err = mysql_link_transaction(link, claim_body, &job);
    if (err == ERR_OK) {
        snprintf(job.claim.topic, sizeof job.claim.topic, "%s", topic);
        job.claim.part = part;
        *ret_claim = job.claim;
    }
    return err;
}

enum err offset_store_advance_in(struct mysql_link *link, const struct offset_claim *claim,
                                 uint64_t from, uint64_t to)
{
    static const struct sql sql = {
        .head = "UPDATE consumer_offsets SET next = ?, changed = " SQL_NOW_MS
                " WHERE topic = ? AND part = ? AND owner_epoch = ? AND next = ?"};
    const struct sql_value params[] = {sql_u64(to), sql_text(claim->topic), sql_u64(claim->part),
                                       sql_u64(claim->owner_epoch), sql_u64(from)};
    uint64_t affected = 0;
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(to > from); /* an unchanged row would count as none (M6) */
    err = mysql_link_execute(link, &sql, 0, params, 5, &affected);
    if (err != ERR_OK) {
        return err;
    }
    return affected == 1 ? ERR_OK : ERR_FENCED;
}

struct read_job {
    offset_row_fn *each;
    void *arg;
    bool found;
};

static enum err on_row(void *arg, const struct sql_value *columns)
{
    struct read_job *job = arg;
    struct offset_row row = {.part = (uint32_t)sql_column_u64(&columns[0]),
                             .next = sql_column_u64(&columns[1]),
                             .owner_epoch = sql_column_u64(&columns[2]),
                             .changed_ms = (int64_t)sql_column_u64(&columns[3])};

    job->found = true;
    return job->each(job->arg, &row);
}

static enum err keep_row(void *arg, const struct offset_row *row)
{
    struct offset_row *kept = arg;

    *kept = *row;
    return ERR_OK;
}

enum err offset_store_read(struct mysql_link *link, const char *topic, uint32_t part,
                           struct offset_row *ret_row)
{
    static const struct sql sql = {.head = "SELECT part, next, owner_epoch, changed "
                                           "FROM consumer_offsets WHERE topic = ? AND part = ?"};
    const struct sql_value params[] = {sql_text(topic), sql_u64(part)};
    struct read_job job = {.each = keep_row, .arg = ret_row};
    enum err err = mysql_link_query(link, &sql, 0, params, 2, on_row, &job);

    return err == ERR_OK && !job.found ? ERR_NOT_FOUND : err;
}

enum err offset_store_list(struct mysql_link *link, const char *topic, offset_row_fn *each,
                           void *arg)
{
    static const struct sql sql = {.head = "SELECT part, next, owner_epoch, changed "
                                           "FROM consumer_offsets WHERE topic = ? ORDER BY part"};
    const struct sql_value params[] = {sql_text(topic)};
    struct read_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 1, on_row, &job);
}

enum err offset_store_resolve(struct mysql_link *link, const struct offset_claim *claim,
                              uint64_t *ret_next)
{
    /* The lock is granted when the lost session's transaction is over, one way or the other. */
    static const struct sql sql = {
        .head = "SELECT part, next, owner_epoch, changed FROM consumer_offsets "
                "WHERE topic = ? AND part = ? FOR UPDATE"};
    const struct sql_value params[] = {sql_text(claim->topic), sql_u64(claim->part)};
    struct offset_row row = {.owner_epoch = 0};
    struct read_job job = {.each = keep_row, .arg = &row};
    enum err err = mysql_link_query(link, &sql, 0, params, 2, on_row, &job);

    if (err != ERR_OK) {
        return err;
    }
    if (!job.found || row.owner_epoch != claim->owner_epoch) {
        return ERR_FENCED;
    }
    *ret_next = row.next;
    return ERR_OK;
}
