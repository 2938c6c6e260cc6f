#include "settlement/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "settlement/settle_dead.h"

/* A batch goes through settle_batch() like this (PROTOCOL §6 settling):
 *
 *   a new session, or a lost COMMIT     settle_resolve()   what MySQL holds, and are we still owner
 *   the next chunk: all, at first       settle_chunk()     one transaction
 *     BEGIN
 *     what becomes of each record         kind->write()
 *     the offset, COMMIT
 *   a key, a bound or a value refused,
 *   a notice's order cannot be read     halve the chunk, read and decide anew
 *   a value or that order of one alone  the same record, into dead_letters
 *   another row cannot be read          wait, as while MySQL is away: it is of many
 *
 * Halving ends at one transaction a record, as the rule asks, but leaves the others together. */

enum { RETRIES_MAX = 3, OWNER_SIZE = 65, LOCK_WAIT = 1205 };

struct settle {
    const struct settle_kind *kind; /* static */
    void *state;                    /* owned, of the kind */
    struct mysql_link *link;        /* borrowed */
    char topic[OFFSET_TOPIC_SIZE_MAX + 1];
    uint32_t part;
    char owner[OWNER_SIZE];
    struct offset_claim claim;
    uint64_t next;       /* 1 + the last offset known to be in MySQL */
    uint64_t generation; /* of the session in which `next` was true */
    uint64_t poison;     /* 1 + the offset of a record that fails by itself each time; 0: none */
    enum dead_reason poison_reason;
};

struct settle *settle_create(const struct settle_options *options)
{
    struct settle *settle = calloc(1, sizeof *settle);

    if (settle == NULL) {
        return NULL;
    }
    ASSERT(strlen(options->topic) < sizeof settle->topic);
    settle->kind = options->kind;
    settle->link = options->link;
    settle->part = options->part;
    snprintf(settle->topic, sizeof settle->topic, "%s", options->topic);
    snprintf(settle->owner, sizeof settle->owner, "%s", options->owner);
    settle->state = settle->kind->create(options);
    if (settle->state == NULL) {
        settle_destroy(settle);
        return NULL;
    }
    return settle;
}

void settle_destroy(struct settle *settle)
{
    if (settle == NULL) {
        return;
    }
    settle->kind->destroy(settle->state);
    free(settle);
}

uint64_t settle_next(const struct settle *settle)
{
    return settle->next;
}

enum settle_result settle_claim(struct settle *settle, uint64_t *ret_next)
{
    enum err err = offset_store_claim(settle->link, settle->topic, settle->part, settle->owner,
                                      &settle->claim);

    if (err != ERR_OK) {
        LOG_WARN("partition_claim_failed", KV_STR("topic", settle->topic),
                 KV_U64("partition", settle->part), KV_STR("error", err_name(err)),
                 KV_U64("code", mysql_link_error_code(settle->link)),
                 KV_STR("mysql", mysql_link_error_text(settle->link)),
                 KV_STR("next", "tried again"));
        return SETTLE_AGAIN;
    }
    settle->next = settle->claim.next;
    settle->generation = mysql_link_generation(settle->link);
    *ret_next = settle->next;
    return SETTLE_DONE;
}

/* In another session than the last one, only MySQL knows whether the last COMMIT happened (M8). */
static enum err settle_resolve(struct settle *settle)
{
    uint64_t next = 0;
    enum err err = mysql_link_ensure(settle->link);

    if (err != ERR_OK || settle->generation == mysql_link_generation(settle->link)) {
        return err;
    }
    err = offset_store_resolve(settle->link, &settle->claim, &next);
    if (err == ERR_OK && next < settle->next) {
        return ERR_FENCED; /* commits were lost: claim again, and begin where MySQL is */
    }
    if (err == ERR_OK) {
        settle->next = next;
        settle->generation = mysql_link_generation(settle->link);
    }
    return err;
}

/* --- one transaction --- */

/* The one that fails by itself, alone? */
static bool is_put_aside(const struct settle *settle, const struct settle_item *items, size_t count)
{
    return count == 1 && settle->poison == items[0].offset + 1;
}

/* What the kind makes of the items; the one that fails by itself goes to dead_letters. */
static enum err write_items(struct settle *settle, const struct settle_item *items, size_t count,
                            struct settle_stats *stats, size_t *ret_taken)
{
    if (is_put_aside(settle, items, count)) {
        *ret_taken = 1;
        return settle_dead_put_in(settle->link, &settle->claim, &items[0],
                                  settle->kind->order_no(&items[0]), settle->poison_reason, stats);
    }
    return settle->kind->write(settle->state, &settle->claim, items, count, stats, ret_taken);
}

/* `*ret_taken` 0 with ERR_OK: the first item is of a newer epoch. */
static enum err chunk_body(struct settle *settle, const struct settle_item *items, size_t count,
                           struct settle_stats *stats, size_t *ret_taken)
{
    const struct settle_points *points = &settle->kind->points;

    FAILPOINT_PASS_AT(points->begun);
    enum err err = write_items(settle, items, count, stats, ret_taken);
    if (err != ERR_OK || *ret_taken == 0) {
        return err;
    }
    FAILPOINT_PASS_AT(points->written);
    err = offset_store_advance_in(settle->link, &settle->claim, settle->next,
                                  items[*ret_taken - 1].offset + 1);
    FAILPOINT_PASS_AT(points->advanced);
    return err;
}

static enum err settle_chunk(struct settle *settle, const struct settle_item *items, size_t count,
                             struct settle_stats *stats, size_t *ret_taken)
{
    size_t taken = 0;
    enum err err = mysql_link_begin(settle->link);

    if (err == ERR_OK) {
        err = chunk_body(settle, items, count, stats, &taken);
    }
    if (err != ERR_OK || taken == 0) {
        mysql_link_rollback(settle->link);
    } else {
        err = mysql_link_commit(settle->link);
        FAILPOINT_PASS_AT(settle->kind->points.committed);
    }
    if (err == ERR_OK) {
        *ret_taken = taken;
        settle->next = taken > 0 ? items[taken - 1].offset + 1 : settle->next;
    } else if (!mysql_link_is_up(settle->link)) {
        settle->generation = 0; /* ask MySQL before anything else */
    }
    return err;
}

/* --- a batch --- */

static void add_stats(struct settle_stats *sum, const struct settle_stats *chunk)
{
    sum->inserted += chunk->inserted;
    sum->duplicates += chunk->duplicates;
    sum->voided_stock += chunk->voided_stock;
    sum->voided_epoch += chunk->voided_epoch;
    sum->quarantined += chunk->quarantined;
    sum->frozen += chunk->frozen;
    sum->clashes += chunk->clashes;
    sum->slot_clash += chunk->slot_clash;
    for (size_t i = 0; i < DEAD_REASON_COUNT; i++) {
        sum->dead[i] += chunk->dead[i];
    }
}

static void report_chunk(const struct settle *settle, const struct settle_stats *chunk,
                         uint64_t first_offset)
{
    uint32_t dead = 0;

    for (size_t i = 0; i < DEAD_REASON_COUNT; i++) {
        dead += chunk->dead[i];
    }
    for (uint32_t i = 0; i < chunk->freeze_count; i++) {
        freeze_alarm(chunk->freezes[i].sale, &chunk->freezes[i].cause, chunk->freezes[i].result);
    }
    if (dead + chunk->quarantined + chunk->voided_stock + chunk->frozen > 0) {
        LOG_ERROR(
            "records_set_aside", KV_STR("topic", settle->topic), KV_U64("partition", settle->part),
            KV_U64("from_offset", first_offset), KV_U64("before_offset", settle->next),
            KV_U64("dead", dead), KV_U64("quarantined", chunk->quarantined),
            KV_U64("voided_for_stock", chunk->voided_stock), KV_U64("sales_frozen", chunk->frozen),
            KV_STR("next", "seckillctl audit; RUNBOOK: a sale is frozen, dead letters"));
    }
    if (chunk->voided_epoch > 0) {
        LOG_WARN("records_of_a_cut_epoch_voided", KV_U64("partition", settle->part),
                 KV_U64("count", chunk->voided_epoch));
    }
}

/* Of MySQL's error codes. */
static uint32_t sql_label(unsigned code)
{
    switch (code) {
    case 1062: return LABEL_SQL_DUPLICATE;
    case 1213: return LABEL_SQL_DEADLOCK;
    case 1205: return LABEL_SQL_LOCK_WAIT;
    case 1020: return LABEL_SQL_SNAPSHOT;
    case 2006:
    case 2013: return LABEL_SQL_LOST;
    case 1290:
    case 1836: return LABEL_SQL_READ_ONLY;
    default: return LABEL_SQL_OTHER;
    }
}

/* Why the last transaction is to be repeated. */
static void count_retry(const struct settle *settle, enum err err, const struct settle_stats *chunk,
                        struct settle_stats *stats)
{
    uint32_t label = sql_label(mysql_link_error_code(settle->link));

    if (err == ERR_FENCED) {
        label = LABEL_SQL_FENCED;
    } else if (chunk != NULL && chunk->stock_refused > 0) {
        label = LABEL_SQL_STOCK;
    }
    stats->retries[label]++;
}

static enum settle_result give_up(const struct settle *settle, enum err err,
                                  struct settle_stats *stats)
{
    if (err == ERR_FENCED) {
        return SETTLE_FENCED; /* the caller tells */
    }
    stats->error_code = mysql_link_error_code(settle->link);
    LOG_WARN("settling_postponed", KV_STR("topic", settle->topic),
             KV_U64("partition", settle->part), KV_STR("cause", err_name(err)),
             KV_U64("code", stats->error_code),
             KV_STR("error", mysql_link_error_text(settle->link)),
             KV_STR("next", "the same batch again"));
    return SETTLE_AGAIN;
}

/* It fails so each time, and others need not. */
static bool is_of_record(const struct settle *settle, enum err err)
{
    return err == ERR_RANGE || (err == ERR_PARSE && settle->kind->sets_broken_rows_aside);
}

/* One of several may be what fails. */
static bool is_divided(const struct settle *settle, enum err err)
{
    return err == ERR_CONFLICT || is_of_record(settle, err);
}

/* How many of the rest go into the next transaction, after this one ended with `err`. */
static size_t next_size(const struct settle *settle, size_t size, enum err err)
{
    if (is_divided(settle, err)) {
        return (size + 1) / 2;
    }
    return err == ERR_OK && size < SETTLE_BATCH_MAX ? size * 2 : size;
}

/* A deadlock is repeated here. Behind a lock that was waited for in vain, seconds have passed: the
 * caller tells, and stays a member of its group. */
static bool is_quick(const struct settle *settle, enum err err, uint32_t retries)
{
    return err == ERR_BUSY && retries < RETRIES_MAX
           && mysql_link_error_code(settle->link) != LOCK_WAIT;
}

/* True: its values are refused, or its rows cannot be read, whatever surrounds it: the next
 * transaction puts it aside. */
static bool is_poison(struct settle *settle, enum err err, size_t count, uint64_t offset)
{
    if (!is_of_record(settle, err) || count > 1 || settle->poison == offset + 1) {
        return false;
    }
    settle->poison = offset + 1;
    settle->poison_reason = err == ERR_PARSE ? DEAD_REASON_ROW : DEAD_REASON_VALUE;
    return true;
}

static enum settle_result settle_rest(struct settle *settle, const struct settle_item *items,
                                      size_t count, struct settle_stats *stats)
{
    size_t size = count;
    uint32_t retries = 0;

    while (stats->taken < count) {
        const struct settle_item *rest = &items[stats->taken];
        size_t left = count - stats->taken;
        size_t now = size < left ? size : left;
        struct settle_stats chunk = {0};
        size_t taken = 0;
        enum err err = settle_chunk(settle, rest, now, &chunk, &taken);
        bool halved = is_divided(settle, err) && now > 1;

        if (err == ERR_OK && taken == 0) {
            return stats->taken > 0 ? SETTLE_DONE : SETTLE_NEWER_EPOCH;
        }
        if (err == ERR_OK) {
            retries = 0;
            add_stats(stats, &chunk);
            stats->taken += (uint32_t)taken;
            report_chunk(settle, &chunk, rest->offset);
            if (settle->kind->committed && !is_put_aside(settle, rest, taken)) {
                settle->kind->committed(settle->state, rest, taken);
            }
        } else {
            count_retry(settle, err, &chunk, stats);
            if (!halved && !is_poison(settle, err, now, rest->offset)
                && !is_quick(settle, err, retries++)) {
                return give_up(settle, err, stats);
            }
        }
        size = next_size(settle, now, err);
    }
    return SETTLE_DONE;
}

/* How many items from `from` on follow our place without a gap. Our producers write no control
 * records: what the log does not hold was lost. */
static size_t count_without_gap(const struct settle *settle, const struct settle_item *items,
                                size_t from, size_t count)
{
    size_t run = 0;

    while (from + run < count && items[from + run].offset == settle->next + run) {
        run++;
    }
    return run;
}

static enum settle_result stop_at_gap(const struct settle *settle, uint64_t found,
                                      struct settle_stats *stats)
{
    stats->missing = found - settle->next;
    LOG_ERROR("log_gap", KV_STR("topic", settle->topic), KV_U64("partition", settle->part),
              KV_U64("from_offset", settle->next), KV_U64("before_offset", found),
              KV_STR("next", "the partition is stopped; RUNBOOK: a partition is stopped"));
    return SETTLE_GAP;
}

enum settle_result settle_batch(struct settle *settle, const struct settle_item *items,
                                size_t count, struct settle_stats *ret_stats)
{
    enum err err = ERR_OK;

    ASSERT(count > 0 && count <= SETTLE_BATCH_MAX);
    ASSERT(settle->claim.owner_epoch > 0);
    *ret_stats = (struct settle_stats){0};
    err = settle_resolve(settle);
    if (err != ERR_OK) {
        count_retry(settle, err, NULL, ret_stats);
        return give_up(settle, err, ret_stats);
    }
    while (ret_stats->taken < count && items[ret_stats->taken].offset < settle->next) {
        ret_stats->taken++;
        ret_stats->found++;
    }
    const size_t run = count_without_gap(settle, items, ret_stats->taken, count);
    if (run == 0 && ret_stats->taken < count) {
        return stop_at_gap(settle, items[ret_stats->taken].offset, ret_stats);
    }
    return settle_rest(settle, items, ret_stats->taken + run, ret_stats);
}
