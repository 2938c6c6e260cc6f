/* stock_queue: attempts that wait, first come first served, by sale, and whose turn it is.
 * Why:    a sale in great demand must not keep the others waiting (PROTOCOL §3.3).
 * Never:  sends; decides.
 * Thread: loop.  Owner: stock; memory inside it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "inventory/stock.h"

struct slab;

struct stock_waiting {
    struct stock_waiting *next;
    struct attempt attempt;
    stock_decided_fn *done;
    void *arg;
    bool was_late; /* refused as late once */
};
struct stock_queue {
    struct stock_waiting *first, *last;
    uint32_t count;
};
void stock_queue_append(struct stock_queue *queue, struct stock_waiting *waiting);
void stock_queue_prepend(struct stock_queue *queue, struct stock_waiting *waiting);
struct stock_waiting *stock_queue_pop(struct stock_queue *queue); /* asserts that one waits */

/* A sale with attempts or calls; forgotten when it has none. */
struct stock_sale {
    struct stock_sale *chain; /* same bucket */
    struct stock_sale *next;  /* in the line of those that are ready */
    bool is_ready;            /* in that line */
    struct sale_id sale;
    struct stock_queue queue;
    uint32_t calls;      /* on their way */
    uint32_t poll_epoch; /* 0: no poll is wanted */
};
struct stock_sales {
    struct slab *sales;          /* owned */
    struct stock_sale **buckets; /* owned */
    uint32_t bucket_count;       /* a power of two */
    struct stock_sale *first_ready, *last_ready;
};
bool stock_sales_init(struct stock_sales *sales, uint32_t max); /* false: no memory */
void stock_sales_finish(struct stock_sales *sales);             /* also when init failed */
struct stock_sale *stock_sales_find(const struct stock_sales *sales,
                                    struct sale_id id); /* or NULL */
/* NULL: no room. */
struct stock_sale *stock_sales_find_or_add(struct stock_sales *sales, struct sale_id id);
void stock_sales_drop_if_idle(struct stock_sales *sales, struct stock_sale *sale);
/* Behind the others; fine when it stands there already. */
void stock_sales_make_ready(struct stock_sales *sales, struct stock_sale *sale);
struct stock_sale *stock_sales_pop_ready(struct stock_sales *sales); /* NULL: none */
/* Moves to `late` those of all sales that stand first with a deadline up to `limit_us`. The first
 * deadline of those that stand first now; INT64_MAX: nobody waits. */
int64_t stock_sales_take_late(struct stock_sales *sales, int64_t limit_us,
                              struct stock_queue *late);
