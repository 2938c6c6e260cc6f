/* guard_claim: who asks for a load takes its guard row first, for a worker or an operator. */
#include "settlement/guard.h"

#include <stdio.h>

#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"

const char *guard_request_action(const struct guard_request *request)
{
    return request->is_recover ? "recover" : "load";
}

enum err guard_claim_sale(const struct guard_context *context, struct sale_id sale,
                          const struct admin_actor *actor, bool is_recover, const char *detail,
                          const uint64_t *seen, struct guard_request *ret_request)
{
    struct guard_request request = {.is_recover = is_recover};
    struct sale_row row;
    const struct guard_want want = {
        .sale = sale,
        .owner = context->owner,
        .stale_ms = GUARD_STALE_MS,
        .has_seen = seen != NULL,
        .seen_fence = seen != NULL ? *seen : 0,
        .actor = actor,
        .action = guard_request_action(&request),
        .detail = detail,
    };

    enum err err = mysql_link_ensure(context->mysql);
    err = err == ERR_OK ? sale_store_read(context->mysql, sale, &row) : err;
    if (err == ERR_OK && is_recover && row.definition.epoch == 0) {
        return ERR_CONFLICT;
    }
    err = err == ERR_OK ? guard_store_claim_for(context->mysql, &want, &request.claim) : err;
    if (err == ERR_OK) {
        (void)snprintf(request.actor, sizeof request.actor, "%s", actor->name);
        (void)snprintf(request.request_id, sizeof request.request_id, "%s", actor->request_id);
        *ret_request = request;
    }
    return err;
}

enum err guard_end_claim(const struct guard_context *context, const struct guard_request *request,
                         enum guard_step end, const char *note)
{
    const struct admin_actor actor = {.name = request->actor, .request_id = request->request_id};
    const struct guard_progress progress = {
        .step = end, .note = note, .actor = &actor, .action = GUARD_STEP_ACTION};

    return guard_store_progress(context->mysql, &request->claim, &progress);
}
