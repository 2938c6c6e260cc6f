#include "settlement/notice_tell.h"

#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"

static uint32_t trouble_label(enum payment_reason reason)
{
    switch (reason) {
    case PAYMENT_REASON_ORDER: return LABEL_PAYMENT_TROUBLE_ORDER;
    case PAYMENT_REASON_AMOUNT: return LABEL_PAYMENT_TROUBLE_AMOUNT;
    case PAYMENT_REASON_CURRENCY: return LABEL_PAYMENT_TROUBLE_CURRENCY;
    case PAYMENT_REASON_BUYER: return LABEL_PAYMENT_TROUBLE_BUYER;
    case PAYMENT_REASON_TRANSACTION: return LABEL_PAYMENT_TROUBLE_TRANSACTION;
    case PAYMENT_REASON_NO_PAYMENT: return LABEL_PAYMENT_TROUBLE_NO_PAYMENT;
    case PAYMENT_REASON_NO_TRANSACTION: return LABEL_PAYMENT_TROUBLE_NO_TRANSACTION;
    case PAYMENT_REASON_SECOND: return LABEL_PAYMENT_TROUBLE_SECOND;
    case PAYMENT_REASON_CLOSED: return LABEL_PAYMENT_TROUBLE_CLOSED;
    case PAYMENT_REASON_REFUNDED: return LABEL_PAYMENT_TROUBLE_REFUNDED;
    case PAYMENT_REASON_VOIDED: return LABEL_PAYMENT_TROUBLE_VOIDED;
    case PAYMENT_REASON_EPOCH: return LABEL_PAYMENT_TROUBLE_EPOCH;
    case PAYMENT_REASON_NONE:
    case PAYMENT_REASON_VERSION:
    case PAYMENT_REASON_PAID:
    case PAYMENT_REASON_COUNT: break;
    }
    UNREACHABLE();
}

/* It has no row: the event's key is taken by what was told first. */
static void tell_differing(const struct notice_applied *applied, struct metrics_shard *shard)
{
    metrics_add(shard, METRIC_payment_trouble_total, LABEL_PAYMENT_TROUBLE_EVENT, 1);
    LOG_ERROR("payment_event_differs", KV_STR("provider", applied->provider),
              KV_STR("kind", notice_kind_name(applied->kind)),
              KV_U64("order_no", applied->order_no.value), KV_U64("partition", applied->part),
              KV_U64("offset", applied->offset),
              KV_STR("next", "it had no effect; RUNBOOK: a payment does not match"));
}

void notice_applied_tell(const struct notice_applied *applied, struct metrics_shard *shard)
{
    const bool is_quarantined = applied->result == NOTICE_QUARANTINED;

    metrics_add(shard, METRIC_notices_settled_total, (uint32_t)applied->result, 1);
    if (applied->result == NOTICE_APPLIED && applied->kind == NOTICE_KIND_CANCEL) {
        metrics_add(shard, METRIC_closed_total, LABEL_CLOSED_CANCEL, 1);
    }
    if (applied->differs) {
        tell_differing(applied, shard);
        return;
    }
    if (!is_quarantined && applied->result != NOTICE_REFUND_DUE) {
        return;
    }
    metrics_add(shard, METRIC_payment_trouble_total, trouble_label(applied->reason), 1);
    if (is_quarantined) {
        LOG_ERROR("payment_quarantined", KV_STR("provider", applied->provider),
                  KV_STR("kind", notice_kind_name(applied->kind)),
                  KV_U64("order_no", applied->order_no.value),
                  KV_STR("reason", payment_reason_name(applied->reason)),
                  KV_U64("partition", applied->part), KV_U64("offset", applied->offset),
                  KV_STR("next", "RUNBOOK: a payment does not match"));
        return;
    }
    LOG_WARN("payment_refund_due", KV_STR("provider", applied->provider),
             KV_U64("order_no", applied->order_no.value),
             KV_STR("reason", payment_reason_name(applied->reason)),
             KV_U64("partition", applied->part), KV_U64("offset", applied->offset),
             KV_STR("next", "the shop gives it back (event order.refund_due)"));
}
