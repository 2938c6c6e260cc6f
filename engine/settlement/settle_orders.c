#include "settlement/settle_orders.h"

#include <stdlib.h>

#include "codec/order_event.h"
#include "common/failpoint.h"
#include "ledger/offset_store.h"
#include "settlement/settle_count.h"
#include "settlement/settle_plan.h"
#include "settlement/settle_write.h"

/* A chunk goes through write() like this:
 *
 *     sales, rows that are there          settle_read()
 *     what becomes of each record         settle_plan_decide()
 *     rows, dead letters, stock           settle_write()
 *   a chunk of one that a key refuses     settle_write()     told apart by reading back (M5) */
struct orders {
    struct mysql_link *link;  /* borrowed */
    struct settle_plan *plan; /* owned */
};

static const char *read_order(const void *bytes, size_t size, void *ret_record,
                              struct order_no *ret_hint)
{
    const enum record_fault fault = order_event_read(bytes, size, ret_record, ret_hint);

    return fault == RECORD_FAULT_NONE ? NULL : record_fault_name(fault);
}

static struct order_no number_of(const struct settle_item *item)
{
    return item->record != NULL ? item->record->order_no : item->hint;
}

static void destroy(void *state)
{
    struct orders *orders = state;

    if (orders != NULL) {
        settle_plan_destroy(orders->plan);
        free(orders);
    }
}

static void *create(const struct settle_options *options)
{
    struct orders *orders = calloc(1, sizeof *orders);

    if (orders == NULL) {
        return NULL;
    }
    orders->link = options->link;
    orders->plan = settle_plan_create();
    if (orders->plan == NULL) {
        destroy(orders);
        return NULL;
    }
    return orders;
}

static enum err write_orders(void *state, const struct offset_claim *claim,
                             const struct settle_item *items, size_t count,
                             struct settle_stats *stats, size_t *ret_taken)
{
    const struct orders *orders = state;
    struct settle_plan *plan = orders->plan;

    (void)settle_plan_begin(plan, items, count);
    enum err err = settle_read(orders->link, plan);
    if (err != ERR_OK) {
        return err;
    }
    FAILPOINT_PASS(settle_read);
    settle_plan_decide(plan, claim->topic, claim->part);
    *ret_taken = plan->step_count;
    return plan->step_count > 0 ? settle_write(orders->link, plan, claim, stats) : ERR_OK;
}

const struct settle_kind settle_orders_kind = {
    .record_size = sizeof(struct order_record),
    .read = read_order,
    .order_no = number_of,
    .create = create,
    .destroy = destroy,
    .write = write_orders,
    .count = settle_count_orders,
    .points = {FAILPOINT_settle_begun, FAILPOINT_settle_written, FAILPOINT_settle_advanced,
               FAILPOINT_settle_committed},
};
