#include "support/fakes/fake_outbox.h"

#include <stdlib.h>

#include "common/assert.h"

struct outbox *fake_outbox_create(void)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);

    ASSERT(outbox != NULL);
    return outbox;
}

void fake_outbox_destroy(struct outbox *outbox)
{
    free(outbox);
}

/* inventory/outbox.h */

void outbox_reported(struct outbox *outbox, uint64_t handle)
{
    ASSERT(outbox->reported_count < FAKE_OUTBOX_MAX);
    outbox->reported[outbox->reported_count++] = handle;
}

void outbox_abandoned(struct outbox *outbox, uint64_t handle)
{
    ASSERT(outbox->abandoned_count < FAKE_OUTBOX_MAX);
    outbox->abandoned[outbox->abandoned_count++] = handle;
}

void outbox_acknowledge(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        uint32_t first_seq)
{
    ASSERT(outbox->acknowledged_count < FAKE_OUTBOX_MAX);
    outbox->acknowledged[outbox->acknowledged_count++] =
        (struct fake_ack){.sale = sale, .epoch = epoch, .first_seq = first_seq};
}

bool outbox_is_underway(const struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        uint32_t first_seq)
{
    return outbox->underway.sale.value == sale.value && outbox->underway.epoch == epoch
           && outbox->underway.first_seq == first_seq;
}

void outbox_each_overdue_ack(struct outbox *outbox, int64_t before_us,
                             void (*fn)(void *arg, struct sale_id sale, uint32_t epoch), void *arg)
{
    if (outbox->overdue.epoch != 0 && outbox->overdue_us < before_us) {
        fn(arg, outbox->overdue.sale, outbox->overdue.epoch);
    }
}
