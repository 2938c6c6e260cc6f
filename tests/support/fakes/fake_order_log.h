/* fake_order_log: journal/order_log.h whose reports come when the test says.
 * Why:    late, failed and lost reports, and a log that takes nothing, can be played.
 * Never:  reports by itself.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/order.h"
#include "journal/order_log.h"

enum { FAKE_ORDER_LOG_MAX = 4096 };

struct fake_append {
    struct order_record record;
    order_log_done_fn *done; /* NULL: reported */
    void *arg;
};
struct order_log {
    enum err append_error;
    bool is_unready;             /* for order_log_is_ready() */
    bool is_doubted;             /* for order_log_is_doubted() */
    int64_t oldest_us;           /* for order_log_oldest_us() */
    uint32_t append_count, room; /* appends it still takes; see fake_order_log_create() */
    struct fake_append appends[FAKE_ORDER_LOG_MAX];
};

struct order_log *fake_order_log_create(void); /* with room for all */
void fake_order_log_destroy(struct order_log *log);
void fake_order_log_report(struct order_log *log, uint32_t append, enum err status);
