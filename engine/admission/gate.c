/* gate.c: one function a check, in the order in which they are made. */
#include "admission/gate.h"

#include "common/assert.h"

static struct gate_answer say(enum outcome outcome)
{
    return (struct gate_answer){.outcome = outcome};
}

static const struct gate_answer passed = {.passes = true};

int64_t gate_opens_in_ms(const struct sale_definition *definition, const struct gate_view *view,
                         int64_t now_us)
{
    if (view->epoch == 0) {
        return 0;
    }
    /* TIME was read after the call was sent, so this is never earlier than the clock of Redis now.
     * */
    int64_t redis_now_ms = view->redis_time_ms + (now_us - view->sent_us) / 1000 + 1;
    return redis_now_ms < definition->opens_ms ? definition->opens_ms - redis_now_ms : 0;
}

uint32_t gate_retry_after_s(int64_t opens_in_ms)
{
    if (opens_in_ms <= 0) {
        return 0;
    }
    int64_t seconds = (opens_in_ms + 999) / 1000;
    return seconds > 3600 ? 3600 : (uint32_t)seconds;
}

/* Only a sale without a history has surely no order that a buyer could be asking for again; and the
 * reply must be within the lease, so that a clock of Redis that jumps is noticed. */
static bool is_surely_not_open(const struct gate_request *request, int64_t *ret_opens_in_ms)
{
    const struct gate_view *view = request->view;
    int64_t lease_us = (int64_t)request->definition->times.lease_ms * 1000;

    if (view->epoch != 1 || request->definition->epoch != 1 || view->seq != 0
        || view->sent_us <= request->now_us - lease_us) {
        return false;
    }
    *ret_opens_in_ms = gate_opens_in_ms(request->definition, view, request->now_us);
    return *ret_opens_in_ms > 0;
}

static struct gate_answer judge_memory(const struct gate_request *request)
{
    switch (
        sold_out_ask(request->memory, (uint32_t)request->sku, request->buyer, request->now_us)) {
    case SOLD_OUT_ASK: return passed;
    case SOLD_OUT_ASK_MAYBE: return (struct gate_answer){.passes = true, .may_be_winner = true};
    case SOLD_OUT_SAY_SOLD_OUT: return say(OUTCOME_SOLD_OUT);
    case SOLD_OUT_SAY_PAUSED: return say(OUTCOME_PAUSED);
    case SOLD_OUT_SAY_ENDED: return say(OUTCOME_ENDED);
    }
    UNREACHABLE();
}

struct gate_answer gate_judge(const struct gate_request *request)
{
    if (request->is_draining) {
        return say(OUTCOME_OVERLOADED);
    }
    switch (request->sale) {
    case GATE_SALE_KNOWN: break;
    case GATE_SALE_ABSENT: return say(OUTCOME_UNKNOWN_SALE);
    case GATE_SALE_UNSURE: return say(OUTCOME_REBUILDING);
    }
    if (request->sku < 0) {
        return say(OUTCOME_UNKNOWN_SKU);
    }
    int64_t opens_in_ms = 0;
    if (is_surely_not_open(request, &opens_in_ms)) {
        struct gate_answer answer = say(OUTCOME_NOT_OPEN);
        answer.retry_after_s = gate_retry_after_s(opens_in_ms);
        return answer;
    }
    return judge_memory(request);
}

bool gate_has_room(const struct gate_room *room, enum label_SHED *ret_cause)
{
    if (!room->has_link) {
        *ret_cause = room->link_shed;
        return false;
    }
    if (!room->log_is_ready) {
        *ret_cause = LABEL_SHED_KAFKA_DOWN;
        return false;
    }
    if (room->log_oldest_us != 0 && room->log_oldest_us < room->now_us - room->unreported_max_us) {
        *ret_cause = LABEL_SHED_UNREPORTED;
        return false;
    }
    /* Some must try: nobody else would find out that the log works again. */
    if (room->log_is_doubted
        && (room->log_oldest_us != 0 || room->purchases >= GATE_DOUBTED_PURCHASES_MAX)) {
        *ret_cause = LABEL_SHED_UNREPORTED;
        return false;
    }
    if (room->outbox_is_full) {
        *ret_cause = LABEL_SHED_OUTBOX;
        return false;
    }
    return true;
}
