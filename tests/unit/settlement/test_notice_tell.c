#include "settlement/notice_tell.h"

#include <criterion/criterion.h>

#include "common/metrics.h"

Test(notice_tell, trouble_is_counted_by_its_reason)
{
    struct metrics *metrics = metrics_create();
    struct metrics_shard *shard = metrics_shard(metrics);
    struct notice_applied applied = {.result = NOTICE_QUARANTINED, .reason = PAYMENT_REASON_AMOUNT};

    notice_applied_tell(&applied, shard);
    applied = (struct notice_applied){.result = NOTICE_REFUND_DUE, .reason = PAYMENT_REASON_SECOND};
    notice_applied_tell(&applied, shard);
    applied = (struct notice_applied){.result = NOTICE_IGNORED, .reason = PAYMENT_REASON_PAID};
    notice_applied_tell(&applied, shard);
    cr_assert(metrics_value(metrics, METRIC_payment_trouble_total, LABEL_PAYMENT_TROUBLE_AMOUNT)
              == 1);
    cr_assert(metrics_value(metrics, METRIC_payment_trouble_total, LABEL_PAYMENT_TROUBLE_SECOND)
              == 1);
    cr_assert(metrics_value(metrics, METRIC_notices_settled_total, LABEL_NOTICE_IGNORED) == 1);
    cr_assert(metrics_value(metrics, METRIC_closed_total, LABEL_CLOSED_CANCEL) == 0);
    applied = (struct notice_applied){.result = NOTICE_APPLIED, .kind = NOTICE_KIND_CANCEL};
    notice_applied_tell(&applied, shard);
    cr_assert(metrics_value(metrics, METRIC_closed_total, LABEL_CLOSED_CANCEL) == 1);
    metrics_destroy(metrics);
}
