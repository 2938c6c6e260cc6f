#include "support/fakes/fake_stock.h"

#include <stdlib.h>

#include "common/assert.h"

struct stock *fake_stock_create(void)
{
    struct stock *stock = calloc(1, sizeof *stock);

    ASSERT(stock != NULL);
    return stock;
}

void fake_stock_destroy(struct stock *stock)
{
    free(stock);
}

void fake_stock_decide(struct stock *stock, uint32_t attempt, enum decision decision,
                       const struct win *win)
{
    ASSERT(attempt < stock->attempt_count);
    stock_decided_fn *done = stock->attempts[attempt].done;

    ASSERT(done != NULL);
    stock->attempts[attempt].done = NULL;
    done(stock->attempts[attempt].arg, decision, win);
}

bool fake_stock_is_pending(const struct stock *stock, uint32_t attempt)
{
    return attempt < stock->attempt_count && stock->attempts[attempt].done != NULL;
}

/* inventory/stock.h */

enum err stock_decide(struct stock *stock, const struct attempt *attempt, stock_decided_fn *done,
                      void *arg)
{
    if (stock->decide_error != ERR_OK) {
        return stock->decide_error;
    }
    ASSERT(stock->attempt_count < FAKE_STOCK_MAX);
    stock->attempts[stock->attempt_count++] =
        (struct fake_attempt){.attempt = *attempt, .done = done, .arg = arg};
    return ERR_OK;
}

enum err stock_poll(struct stock *stock, struct sale_id sale, uint32_t epoch)
{
    stock->poll_count++;
    stock->last_poll = (struct fake_poll){.sale = sale, .epoch = epoch};
    return stock->poll_error;
}

enum err stock_scan_buyers(struct stock *stock, struct sale_id sale, const struct buyer_scan *scan)
{
    if (stock->scan_error != ERR_OK) {
        return stock->scan_error;
    }
    stock->scan_count++;
    stock->scan = *scan;
    stock->scan_sale = sale;
    return ERR_OK;
}
