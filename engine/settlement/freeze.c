#include "settlement/freeze.h"

#include <stdio.h>

#include "common/assert.h"
#include "common/log.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_change.h"

enum { WHY_SIZE = FREEZE_FOUND_SIZE + 16 };

enum err freeze_sale_in(struct mysql_link *link, struct sale_id sale,
                        const struct freeze_cause *cause, enum freeze_result *ret_result)
{
    char why[WHY_SIZE];
    const struct admin_actor actor = {.name = cause->by, .request_id = "", .why = why};
    bool changed = false;

    snprintf(why, sizeof why, "%s: %s", cause->id, cause->found);
    const enum err err = sale_store_control_in(link, sale, SALE_VERB_FREEZE, &actor, &changed);
    if (err == ERR_CONFLICT || err == ERR_NOT_FOUND) {
        *ret_result = FREEZE_NOTHING;
        return ERR_OK;
    }
    if (err == ERR_OK) {
        *ret_result = changed ? FREEZE_DONE : FREEZE_ALREADY;
    }
    return err;
}

static const char *next_step(enum freeze_result result)
{
    switch (result) {
    case FREEZE_DONE:
    case FREEZE_ALREADY: return "RUNBOOK: a sale is frozen; seckillctl audit, then sale unfreeze";
    case FREEZE_NOTHING: return "nothing is sold any more; RUNBOOK: an audit that does not hold";
    }
    UNREACHABLE();
}

void freeze_alarm(struct sale_id sale, const struct freeze_cause *cause, enum freeze_result result)
{
    LOG_ERROR("sale_frozen", KV_U64("sale", sale.value), KV_STR("invariant", cause->id),
              KV_STR("cause", cause->found), KV_STR("by", cause->by),
              KV_BOOL("frozen", result != FREEZE_NOTHING),
              KV_BOOL("before", result == FREEZE_ALREADY), KV_STR("next", next_step(result)));
}

struct freeze_job {
    struct sale_id sale;
    const struct freeze_cause *cause;
    enum freeze_result result;
};

static enum err body(struct mysql_link *link, void *arg)
{
    struct freeze_job *job = arg;

    return freeze_sale_in(link, job->sale, job->cause, &job->result);
}

enum err freeze_sale(struct mysql_link *link, struct sale_id sale, const struct freeze_cause *cause,
                     struct metrics_shard *shard, enum freeze_result *ret_result)
{
    struct freeze_job job = {.sale = sale, .cause = cause};
    const enum err err = mysql_link_transaction(link, body, &job);

    if (err != ERR_OK) {
        return err; /* the caller tells: nothing is frozen yet */
    }
    freeze_alarm(sale, cause, job.result);
    metrics_add(shard, METRIC_invariant_violations_total, cause->label, 1);
    if (ret_result) {
        *ret_result = job.result;
    }
    return ERR_OK;
}
