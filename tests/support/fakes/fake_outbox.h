/* fake_outbox: inventory/outbox.h that only writes down what it is told.
 * Why:    what was reported, given up or acknowledged is what a test asks for.
 * Never:  acknowledges by itself.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "inventory/outbox.h"

enum { FAKE_OUTBOX_MAX = 4096 };

struct fake_ack {
    struct sale_id sale;
    uint32_t epoch, first_seq;
};
struct outbox {
    uint64_t reported[FAKE_OUTBOX_MAX], abandoned[FAKE_OUTBOX_MAX];
    uint32_t reported_count, abandoned_count, acknowledged_count;
    struct fake_ack acknowledged[FAKE_OUTBOX_MAX];
    struct fake_ack underway; /* first_seq 0: none */
    struct fake_ack overdue;  /* an acknowledgement that waits since overdue_us; epoch 0: none */
    int64_t overdue_us;
};

struct outbox *fake_outbox_create(void);
void fake_outbox_destroy(struct outbox *outbox);
