#include "ledger/sale_change.h"

#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/guard_store.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_store.h"
#include "ledger/sql_text.h"

enum { REF_SIZE_MAX = 64, DETAIL_SIZE = 400 };

/* --- control --- */

struct now {
    bool found;
    enum sale_control control;
    uint32_t epoch;
};

static enum err on_now(void *arg, const struct sql_value *columns)
{
    struct now *now = arg;

    now->found = true;
    now->epoch = (uint32_t)sql_column_u64(&columns[1]);
    return sale_control_read(&columns[0], &now->control);
}

/* Before the first load there is nobody to tell. */
static enum err tell(struct mysql_link *link, struct sale_id sale, enum sale_verb verb,
                     const struct now *now)
{
    struct outbox_row row = {.sale = sale, .kind = OUTBOX_STATE, .epoch = now->epoch};

    snprintf(row.verb, sizeof row.verb, "%s", sale_verb_name(verb));
    return now->epoch > 0 ? outbox_store_put_in(link, &row) : ERR_OK;
}

/* What it was before, and why it changed. */
static enum err note(struct mysql_link *link, struct sale_id sale, enum sale_verb verb,
                     const struct now *now, const struct admin_actor *actor)
{
    char detail[DETAIL_SIZE];

    snprintf(detail, sizeof detail, "%s%s%s", sale_control_name(now->control),
             actor->why ? "; " : "", actor->why ? actor->why : "");
    return admin_log_put(link, actor, sale_verb_name(verb), sale, detail);
}

/* The compare-and-set with what must be told because of it. The row is locked by the caller. */
static enum err change(struct mysql_link *link, struct sale_id sale, enum sale_verb verb,
                       const struct now *now, enum sale_control next,
                       const struct admin_actor *actor)
{
    static const struct sql sql = {.head = "UPDATE sales SET control = ?, version = version + 1 "
                                           "WHERE sale = ? AND control = ?"};
    const struct sql_value params[] = {sql_text(sale_control_name(next)), sql_u64(sale.value),
                                       sql_text(sale_control_name(now->control))};
    uint64_t affected = 0;
    enum err err = mysql_link_execute(link, &sql, 0, params, 3, &affected);

    if (err == ERR_OK && affected != 1) {
        return ERR_BUSY;
    }
    err = err == ERR_OK ? tell(link, sale, verb, now) : err;
    return err == ERR_OK ? note(link, sale, verb, now, actor) : err;
}

/* Frozen once more: who is about to release it judged without this cause (sale_store_release()). */
static enum err freeze_again(struct mysql_link *link, struct sale_id sale, const struct now *now,
                             const struct admin_actor *actor)
{
    static const struct sql sql = {.head = "UPDATE sales SET version = version + 1 WHERE sale = ?"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    const enum err err = mysql_link_execute(link, &sql, 0, params, 1, NULL);

    return err == ERR_OK ? note(link, sale, SALE_VERB_FREEZE, now, actor) : err;
}

enum err sale_store_control_in(struct mysql_link *link, struct sale_id sale, enum sale_verb verb,
                               const struct admin_actor *actor, bool *ret_changed)
{
    static const struct sql sql = {
        .head = "SELECT control, epoch FROM sales WHERE sale = ? FOR UPDATE"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct now now = {.found = false};
    enum sale_control next = SALE_CONTROL_OPEN;
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(verb != SALE_VERB_OPEN); /* sale_store_request_open() */
    err = mysql_link_query(link, &sql, 0, params, 1, on_now, &now);
    if (err == ERR_OK) {
        err = now.found ? sale_control_next(now.control, verb, &next) : ERR_NOT_FOUND;
    }
    if (err != ERR_OK) {
        return err;
    }
    *ret_changed = next != now.control;
    if (*ret_changed) {
        return change(link, sale, verb, &now, next, actor);
    }
    if (verb == SALE_VERB_FREEZE) {
        return freeze_again(link, sale, &now, actor);
    }
    /* Redis may be where a control row of old has left it: an operator who repeats himself is heard
     * there. Where it is already, the script changes nothing. */
    return verb == SALE_VERB_RESUME || verb == SALE_VERB_PAUSE ? tell(link, sale, verb, &now)
                                                               : ERR_OK;
}

struct control_job {
    struct sale_id sale;
    enum sale_verb verb;
    const struct admin_actor *actor;
    struct sale_row *row; /* NULL: not wanted */
    bool changed;
};

static enum err control_body(struct mysql_link *link, void *arg)
{
    struct control_job *job = arg;
    enum err err = sale_store_control_in(link, job->sale, job->verb, job->actor, &job->changed);

    if (err == ERR_OK && job->row != NULL) {
        err = sale_store_read(link, job->sale, job->row);
    }
    return err;
}

enum err sale_store_control(struct mysql_link *link, struct sale_id sale, enum sale_verb verb,
                            const struct admin_actor *actor, struct sale_row *ret_row,
                            bool *ret_changed)
{
    struct control_job job = {.sale = sale, .verb = verb, .actor = actor, .row = ret_row};
    enum err err = mysql_link_transaction(link, control_body, &job);

    if (err == ERR_OK && ret_changed != NULL) {
        *ret_changed = job.changed;
    }
    return err;
}

/* --- release --- */

struct release_job {
    const struct sale_release *release;
    const struct admin_actor *actor;
};

/* Whether it was paused when it was frozen first: the row that noted it tells. */
static enum err read_was_paused(struct mysql_link *link, struct sale_id sale, bool *ret_paused)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM admin_log WHERE action = 'freeze' AND "
                "detail LIKE 'paused%' AND id = (SELECT MAX(id) FROM admin_log WHERE sale = ? AND "
                "(action = 'unfreeze' OR (action = 'freeze' AND detail NOT LIKE 'frozen%')))"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    uint64_t count = 0;
    const enum err err = mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, &count);

    *ret_paused = count > 0;
    return err;
}

static enum err release_body(struct mysql_link *link, void *arg)
{
    static const struct sql sql = {.head = "SELECT version FROM sales WHERE sale = ? FOR UPDATE"};
    const struct release_job *job = arg;
    const struct sale_id sale = job->release->sale;
    const struct sql_value params[] = {sql_u64(sale.value)};
    uint64_t version = 0;
    bool changed = false, was_paused = false;
    enum err err = mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, &version);

    if (err == ERR_OK && version != 0 && version != job->release->version) {
        err = ERR_FENCED;
    }
    err = err == ERR_OK ? read_was_paused(link, sale, &was_paused) : err;
    err = err == ERR_OK
              ? sale_store_control_in(link, sale, SALE_VERB_UNFREEZE, job->actor, &changed)
              : err;
    if (err == ERR_OK && !job->release->stays_paused && !was_paused) {
        err = sale_store_control_in(link, sale, SALE_VERB_RESUME, job->actor, &changed);
    }
    return err;
}

enum err sale_store_release(struct mysql_link *link, const struct sale_release *release,
                            const struct admin_actor *actor)
{
    struct release_job job = {.release = release, .actor = actor};

    return mysql_link_transaction(link, release_body, &job);
}

/* --- stock --- */

struct add_job {
    const struct stock_addition *addition;
    const struct admin_actor *actor;
    struct stock_added added;
    struct {
        bool found;
        uint64_t total;
        uint32_t epoch;
    } sku;
    struct {
        bool found;
        bool same; /* sku and units are those asked for now */
    } before;
    enum sale_control control;
};

static enum err on_sku(void *arg, const struct sql_value *columns)
{
    struct add_job *job = arg;

    job->sku.found = true;
    job->sku.total = sql_column_u64(&columns[0]);
    job->sku.epoch = (uint32_t)sql_column_u64(&columns[1]);
    return sale_control_read(&columns[2], &job->control);
}

static enum err on_before(void *arg, const struct sql_value *columns)
{
    struct add_job *job = arg;
    struct sku sku;
    enum err err = sql_column_sku(&columns[1], &sku);

    job->before.found = true;
    job->added.ledger_id = sql_column_u64(&columns[0]);
    job->before.same = err == ERR_OK && sku_equal(&sku, &job->addition->sku)
                       && columns[2].i64 == (int64_t)job->addition->units;
    return err;
}

/* The sku's row is locked before its epoch is read, so that a load either counts the units or is
 * told. */
static enum err lock_sku(struct mysql_link *link, struct add_job *job)
{
    static const struct sql lock = {
        .head = "SELECT k.total, k.epoch, s.control FROM sale_skus k JOIN sales s ON "
                "s.sale = k.sale WHERE k.sale = ? AND k.sku = ? FOR UPDATE"};
    static const struct sql before = {
        .head = "SELECT id, sku, delta FROM stock_ledger WHERE sale = ? AND cause = 'add' "
                "AND ref = ?"};
    const struct sql_value key[] = {sql_u64(job->addition->sale.value),
                                    sql_sku(&job->addition->sku)};
    const struct sql_value ref[] = {sql_u64(job->addition->sale.value),
                                    sql_text(job->addition->ref)};
    enum err err = mysql_link_query(link, &lock, 0, key, 2, on_sku, job);

    if (err == ERR_OK && !job->sku.found) {
        err = ERR_NOT_FOUND;
    }
    return err == ERR_OK ? mysql_link_query(link, &before, 0, ref, 2, on_before, job) : err;
}

static enum err write_addition(struct mysql_link *link, struct add_job *job)
{
    static const struct sql raise = {
        .head = "UPDATE sale_skus SET total = total + ? WHERE sale = ? AND sku = ?"};
    static const struct sql ledger = {
        .head = "INSERT INTO stock_ledger (sale, sku, delta, cause, ref, epoch, created) "
                "VALUES (?, ?, ?, 'add', ?, ?, " SQL_NOW_MS ")"};
    const struct stock_addition *addition = job->addition;
    const struct sql_value sum[] = {sql_u64(addition->units), sql_u64(addition->sale.value),
                                    sql_sku(&addition->sku)};
    const struct sql_value row[] = {sql_u64(addition->sale.value), sql_sku(&addition->sku),
                                    sql_u64(addition->units), sql_text(addition->ref),
                                    sql_u64(job->sku.epoch)};
    enum err err = mysql_link_execute(link, &raise, 0, sum, 3, NULL);

    if (err == ERR_OK) {
        err = mysql_link_execute(link, &ledger, 0, row, 5, NULL);
        job->added.ledger_id = mysql_link_last_id(link);
    }
    /* The ref's key: the same ref for another sku got in between. Look again. */
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}

static enum err tell_addition(struct mysql_link *link, const struct add_job *job)
{
    const struct stock_addition *addition = job->addition;
    struct outbox_row row = {.sale = addition->sale,
                             .kind = OUTBOX_UNITS,
                             .sku = addition->sku,
                             .units = addition->units,
                             .ledger_id = job->added.ledger_id,
                             .epoch = job->sku.epoch};
    char detail[128];
    enum err err = ERR_OK;

    if (job->sku.epoch > 0) { /* the first load takes them from total */
        err = outbox_store_put_in(link, &row);
    }
    snprintf(detail, sizeof detail, "sku=%s units=%u ref=%s", addition->sku.text, addition->units,
             addition->ref);
    return err == ERR_OK ? admin_log_put(link, job->actor, "add_stock", addition->sale, detail)
                         : err;
}

static enum err add_body(struct mysql_link *link, void *arg)
{
    struct add_job *job = arg;
    enum err err = ERR_OK;

    job->sku.found = false;
    job->before.found = false;
    job->added = (struct stock_added){.repeated = false};
    err = lock_sku(link, job);
    if (err != ERR_OK) {
        return err;
    }
    job->added.total = job->sku.total;
    job->added.repeated = job->before.found;
    if (job->before.found) {
        return job->before.same ? ERR_OK : ERR_CONFLICT;
    }
    if (job->control == SALE_CONTROL_ENDED) {
        return ERR_CLOSED;
    }
    job->added.total += job->addition->units;
    if (job->added.total > SEQ_MAX) { /* as sale_check() */
        return ERR_RANGE;
    }
    err = write_addition(link, job);
    return err == ERR_OK ? tell_addition(link, job) : err;
}

static bool ref_is_good(const char *ref)
{
    size_t size = strnlen(ref, REF_SIZE_MAX + 1);

    for (size_t i = 0; i < size; i++) {
        if (ref[i] <= ' ' || ref[i] > '~') {
            return false;
        }
    }
    return size >= 1 && size <= REF_SIZE_MAX;
}

enum err sale_store_add_stock(struct mysql_link *link, const struct stock_addition *addition,
                              const struct admin_actor *actor, struct stock_added *ret_added)
{
    struct add_job job = {.addition = addition, .actor = actor};
    enum err err = ERR_OK;

    if (addition->units == 0 || !ref_is_good(addition->ref)) {
        return ERR_RANGE;
    }
    err = mysql_link_transaction(link, add_body, &job);
    if (err == ERR_OK) {
        *ret_added = job.added;
    }
    return err;
}

/* --- epoch --- */

struct epoch_job {
    const struct guard_claim *claim;
    uint32_t above;
    uint64_t epoch; /* now, then the new one */
    uint64_t locked;
    struct sale_row *row;
};

static enum err on_epoch(void *arg, const struct sql_value *columns)
{
    struct epoch_job *job = arg;
    uint64_t epoch = sql_column_u64(&columns[0]);

    job->epoch = epoch > job->epoch ? epoch : job->epoch;
    job->locked++;
    return ERR_OK;
}

/* Sku rows first, as settling does: who holds one is waited for, who comes later sees the new
 * epoch. */
static enum err lock_rows(struct mysql_link *link, struct epoch_job *job)
{
    static const struct sql skus = {
        .head = "SELECT epoch FROM sale_skus WHERE sale = ? ORDER BY sku FOR UPDATE"};
    static const struct sql sale = {.head = "SELECT epoch FROM sales WHERE sale = ? FOR UPDATE"};
    const struct sql_value params[] = {sql_u64(job->claim->sale.value)};
    enum err err = ERR_OK;

    job->epoch = job->above;
    job->locked = 0;
    err = mysql_link_query(link, &skus, 0, params, 1, on_epoch, job);
    if (err == ERR_OK && job->locked > 0) {
        job->locked = 0;
        err = mysql_link_query(link, &sale, 0, params, 1, on_epoch, job);
    }
    if (err != ERR_OK) {
        return err;
    }
    return job->locked == 1 ? ERR_OK : ERR_NOT_FOUND;
}

static enum err epoch_body(struct mysql_link *link, void *arg)
{
    static const struct sql skus = {.head = "UPDATE sale_skus SET epoch = ? WHERE sale = ?"};
    static const struct sql sale = {.head = "UPDATE sales SET epoch = ? WHERE sale = ?"};
    struct epoch_job *job = arg;
    enum err err = guard_store_prove_in(link, job->claim);

    if (err == ERR_OK) {
        err = lock_rows(link, job);
    }
    if (err == ERR_OK && job->epoch >= EPOCH_MAX) {
        err = ERR_RANGE;
    }
    if (err == ERR_OK) {
        const struct sql_value params[] = {sql_u64(job->epoch + 1),
                                           sql_u64(job->claim->sale.value)};
        err = mysql_link_execute(link, &skus, 0, params, 2, NULL);
        if (err == ERR_OK) {
            err = mysql_link_execute(link, &sale, 0, params, 2, NULL);
        }
    }
    return err == ERR_OK ? sale_store_read(link, job->claim->sale, job->row) : err;
}

enum err sale_store_raise_epoch(struct mysql_link *link, const struct guard_claim *claim,
                                uint32_t above, struct sale_row *ret_row)
{
    struct epoch_job job = {.claim = claim, .above = above, .row = ret_row};

    return mysql_link_transaction(link, epoch_body, &job);
}

struct open_job {
    const struct guard_claim *claim;
    uint32_t epoch;
};

static enum err open_body(struct mysql_link *link, void *arg)
{
    static const struct sql sql = {
        .head = "SELECT control, epoch FROM sales WHERE sale = ? FOR UPDATE"};
    const struct open_job *job = arg;
    const struct sql_value params[] = {sql_u64(job->claim->sale.value)};
    struct outbox_row row = {.sale = job->claim->sale, .kind = OUTBOX_STATE, .epoch = job->epoch};
    struct now now = {.found = false};
    enum err err = guard_store_prove_in(link, job->claim);

    if (err == ERR_OK) {
        err = mysql_link_query(link, &sql, 0, params, 1, on_now, &now);
    }
    if (err == ERR_OK && (!now.found || now.epoch != job->epoch)) {
        err = ERR_FENCED;
    }
    if (err != ERR_OK || now.control != SALE_CONTROL_OPEN) {
        return err;
    }
    snprintf(row.verb, sizeof row.verb, "%s", sale_verb_name(SALE_VERB_OPEN));
    return outbox_store_put_in(link, &row);
}

enum err sale_store_request_open(struct mysql_link *link, const struct guard_claim *claim,
                                 uint32_t epoch)
{
    struct open_job job = {.claim = claim, .epoch = epoch};

    return mysql_link_transaction(link, open_body, &job);
}
