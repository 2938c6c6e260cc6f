#include "ledger/guard_store.h"

#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

enum { BEATS_MAX = 256 };

static const char *const step_names[] = {
#define X(name, text) text,
    GUARD_STEPS(X)
#undef X
};

const char *guard_step_name(enum guard_step step)
{
    ASSERT((unsigned)step < GUARD_STEP_COUNT);
    return step_names[step];
}

static bool is_final(enum guard_step step)
{
    return step == GUARD_STEP_DONE || step == GUARD_STEP_FAILED;
}

static enum err on_row(void *arg, const struct sql_value *columns)
{
    struct guard_row *row = arg;
    int step = sql_column_name(&columns[4], step_names, GUARD_STEP_COUNT);

    if (step < 0) {
        return ERR_PARSE;
    }
    row->sale.value = (uint32_t)sql_column_u64(&columns[0]);
    row->fence = sql_column_u64(&columns[1]);
    sql_column_text(&columns[2], row->owner, sizeof row->owner);
    row->epoch = (uint32_t)sql_column_u64(&columns[3]);
    row->step = (enum guard_step)step;
    row->done = sql_column_u64(&columns[5]);
    row->expected = sql_column_u64(&columns[6]);
    sql_column_text(&columns[7], row->note, sizeof row->note);
    row->started_ms = (int64_t)sql_column_u64(&columns[8]);
    row->beat_ms = (int64_t)sql_column_u64(&columns[9]);
    row->finished_ms = (int64_t)sql_column_u64(&columns[10]);
    row->age_ms = (int64_t)sql_column_u64(&columns[11]) - row->beat_ms;
    return ERR_OK;
}

#define GUARD_COLUMNS                                                                              \
    "sale, fence, owner, epoch, step, done, expected, note, started, beat, finished, " SQL_NOW_MS

static enum err read_row(struct mysql_link *link, const struct sql *sql, struct sale_id sale,
                         struct guard_row *ret_row)
{
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct guard_row row = {.fence = 0};
    enum err err = mysql_link_query(link, sql, 0, params, 1, on_row, &row);

    if (err != ERR_OK) {
        return err;
    }
    if (row.fence == 0) {
        return ERR_NOT_FOUND; /* fences begin at 1 */
    }
    *ret_row = row;
    return ERR_OK;
}

enum err guard_store_read(struct mysql_link *link, struct sale_id sale, struct guard_row *ret_row)
{
    static const struct sql sql = {.head = "SELECT " GUARD_COLUMNS " FROM guard WHERE sale = ?"};

    return read_row(link, &sql, sale, ret_row);
}

struct claim_job {
    const struct guard_want *want;
    uint64_t fence;
};

static enum err insert_claim(struct mysql_link *link, struct claim_job *job)
{
    static const struct sql sql = {
        .head = "INSERT INTO guard (sale, fence, owner, step, started, beat) "
                "VALUES (?, 1, ?, ?, " SQL_NOW_MS ", " SQL_NOW_MS ")"};
    const struct sql_value params[] = {sql_u64(job->want->sale.value), sql_text(job->want->owner),
                                       sql_text(guard_step_name(GUARD_STEP_CLAIMED))};
    enum err err = mysql_link_execute(link, &sql, 0, params, 3, NULL);

    job->fence = 1;
    /* Somebody else was first: look again. */
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}

static enum err take_over(struct mysql_link *link, struct claim_job *job)
{
    static const struct sql sql = {
        .head = "UPDATE guard SET fence = fence + 1, owner = ?, epoch = 0, step = ?, done = 0, "
                "expected = 0, note = '', started = " SQL_NOW_MS ", beat = " SQL_NOW_MS
                ", finished = NULL WHERE sale = ?"};
    const struct sql_value params[] = {sql_text(job->want->owner),
                                       sql_text(guard_step_name(GUARD_STEP_CLAIMED)),
                                       sql_u64(job->want->sale.value)};

    return mysql_link_execute(link, &sql, 0, params, 3, NULL);
}

/* ERR_CLOSED: refused; not ERR_BUSY, that would be tried again. */
static enum err take(struct mysql_link *link, struct claim_job *job)
{
    static const struct sql lock = {.head = "SELECT " GUARD_COLUMNS
                                            " FROM guard WHERE sale = ? FOR UPDATE"};
    const struct guard_want *want = job->want;
    struct guard_row row = {.fence = 0};
    const enum err err = read_row(link, &lock, want->sale, &row);

    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (want->has_seen && row.fence != want->seen_fence) {
        return ERR_CLOSED;
    }
    if (err == ERR_NOT_FOUND) {
        return insert_claim(link, job);
    }
    if (row.finished_ms == 0 && row.age_ms < (int64_t)want->stale_ms) {
        return ERR_CLOSED;
    }
    job->fence = row.fence + 1;
    return take_over(link, job);
}

static enum err claim_body(struct mysql_link *link, void *arg)
{
    struct claim_job *job = arg;
    const struct guard_want *want = job->want;
    const enum err err = take(link, job);

    if (err != ERR_OK || want->actor == NULL) {
        return err;
    }
    return admin_log_put(link, want->actor, want->action, want->sale, want->detail);
}

enum err guard_store_claim_for(struct mysql_link *link, const struct guard_want *want,
                               struct guard_claim *ret_claim)
{
    struct claim_job job = {.want = want};
    enum err err = ERR_OK;

    if (strlen(want->owner) > GUARD_OWNER_SIZE_MAX) {
        return ERR_RANGE;
    }
    err = mysql_link_transaction(link, claim_body, &job);
    if (err == ERR_OK) {
        *ret_claim = (struct guard_claim){.sale = want->sale, .fence = job.fence};
    }
    return err == ERR_CLOSED ? ERR_BUSY : err;
}

enum err guard_store_claim(struct mysql_link *link, struct sale_id sale, const char *owner,
                           uint32_t stale_ms, struct guard_claim *ret_claim)
{
    const struct guard_want want = {.sale = sale, .owner = owner, .stale_ms = stale_ms};

    return guard_store_claim_for(link, &want, ret_claim);
}

struct progress_job {
    const struct guard_claim *claim;
    const struct guard_progress *progress;
};

static enum err log_step(struct mysql_link *link, struct sale_id sale,
                         const struct guard_progress *progress)
{
    char detail[GUARD_NOTE_SIZE_MAX + 80];

    snprintf(detail, sizeof detail, "%s epoch=%u count=%llu%s%s", guard_step_name(progress->step),
             progress->epoch, (unsigned long long)progress->done,
             progress->note != NULL && progress->note[0] != '\0' ? ": " : "",
             progress->note != NULL ? progress->note : "");
    return admin_log_put(link, progress->actor, progress->action, sale, detail);
}

static enum err progress_body(struct mysql_link *link, void *arg)
{
    static const struct sql going = {
        .head = "UPDATE guard SET step = ?, epoch = ?, done = ?, expected = ?, note = ?, "
                "beat = " SQL_NOW_MS " WHERE sale = ?"};
    static const struct sql final = {
        .head = "UPDATE guard SET step = ?, epoch = ?, done = ?, expected = ?, note = ?, "
                "beat = " SQL_NOW_MS ", finished = " SQL_NOW_MS " WHERE sale = ?"};
    const struct progress_job *job = arg;
    const struct guard_progress *progress = job->progress;
    const char *note = progress->note != NULL ? progress->note : "";
    const struct sql_value params[] = {
        sql_text(guard_step_name(progress->step)),
        sql_u64(progress->epoch),
        sql_u64(progress->done),
        sql_u64(progress->expected),
        sql_bytes(note, strnlen(note, GUARD_NOTE_SIZE_MAX)),
        sql_u64(job->claim->sale.value),
    };
    enum err err = guard_store_prove_in(link, job->claim);

    if (err == ERR_OK) {
        err = mysql_link_execute(link, is_final(progress->step) ? &final : &going, 0, params,
                                 sizeof params / sizeof params[0], NULL);
    }
    return err == ERR_OK && progress->actor != NULL ? log_step(link, job->claim->sale, progress)
                                                    : err;
}

enum err guard_store_progress(struct mysql_link *link, const struct guard_claim *claim,
                              const struct guard_progress *progress)
{
    struct progress_job job = {.claim = claim, .progress = progress};

    return mysql_link_transaction(link, progress_body, &job);
}

struct beat_job {
    const char *owner;
    const struct sale_id *sales;
    size_t count;
};

static enum err beat_body(struct mysql_link *link, void *arg)
{
    static const struct sql sql = {.head = "UPDATE guard SET beat = " SQL_NOW_MS
                                           " WHERE owner = ? AND finished IS NULL AND sale IN (",
                                   .tuple = "?",
                                   .tail = ")"};
    const struct beat_job *job = arg;
    struct sql_value params[1 + BEATS_MAX];
    enum err err = ERR_OK;

    params[0] = sql_text(job->owner);
    for (size_t at = 0; at < job->count && err == ERR_OK;) {
        uint32_t tuples = sql_power_of_two(job->count - at);
        tuples = tuples < BEATS_MAX ? tuples : BEATS_MAX;
        for (uint32_t i = 0; i < tuples; i++) {
            params[1 + i] = sql_u64(job->sales[at + i].value);
        }
        err = mysql_link_execute(link, &sql, tuples, params, 1 + tuples, NULL);
        at += tuples;
    }
    return err;
}

enum err guard_store_beat(struct mysql_link *link, const char *owner, const struct sale_id *sales,
                          size_t count)
{
    struct beat_job job = {.owner = owner, .sales = sales, .count = count};

    return mysql_link_transaction(link, beat_body, &job);
}

enum err guard_store_prove_in(struct mysql_link *link, const struct guard_claim *claim)
{
    static const struct sql sql = {
        .head = "SELECT fence FROM guard WHERE sale = ? AND finished IS NULL FOR UPDATE"};
    const struct sql_value params[] = {sql_u64(claim->sale.value)};
    uint64_t fence = 0;
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(claim->fence > 0);
    err = mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, &fence);
    if (err != ERR_OK) {
        return err;
    }
    return fence == claim->fence ? ERR_OK : ERR_FENCED;
}
