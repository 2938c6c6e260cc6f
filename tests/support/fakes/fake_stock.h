/* fake_stock: inventory/stock.h decided by the test.
 * Why:    every decision, order of decisions and lost reply can be played.
 * Never:  decides by itself.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "inventory/stock.h"

enum { FAKE_STOCK_MAX = 4096 };

struct fake_attempt {
    struct attempt attempt;
    stock_decided_fn *done; /* NULL: decided */
    void *arg;
};
struct fake_poll {
    struct sale_id sale;
    uint32_t epoch;
};
struct stock {
    enum err decide_error, poll_error, scan_error;
    uint32_t attempt_count, poll_count, scan_count;
    struct fake_attempt attempts[FAKE_STOCK_MAX];
    struct fake_poll last_poll;
    struct buyer_scan scan; /* of the last stock_scan_buyers() */
    struct sale_id scan_sale;
};

struct stock *fake_stock_create(void);
void fake_stock_destroy(struct stock *stock);
/* Runs the callback of the attempt; each once. */
void fake_stock_decide(struct stock *stock, uint32_t attempt, enum decision decision,
                       const struct win *win);
bool fake_stock_is_pending(const struct stock *stock, uint32_t attempt);
