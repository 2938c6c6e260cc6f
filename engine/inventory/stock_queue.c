#include "inventory/stock_queue.h"

#include "common/assert.h"
#include "common/hash.h"
#include "common/slab.h"

#include <stdlib.h>

void stock_queue_append(struct stock_queue *queue, struct stock_waiting *waiting)
{
    waiting->next = NULL;
    *(queue->last ? &queue->last->next : &queue->first) = waiting;
    queue->last = waiting;
    queue->count++;
}

void stock_queue_prepend(struct stock_queue *queue, struct stock_waiting *waiting)
{
    waiting->next = queue->first;
    queue->first = waiting;
    queue->last = queue->last ? queue->last : waiting;
    queue->count++;
}

struct stock_waiting *stock_queue_pop(struct stock_queue *queue)
{
    struct stock_waiting *waiting = queue->first;

    ASSERT(waiting != NULL && queue->count > 0);
    queue->first = waiting->next;
    queue->last = queue->first ? queue->last : NULL;
    queue->count--;
    return waiting;
}

static struct stock_sale **bucket_of(const struct stock_sales *sales, struct sale_id id)
{
    return &sales->buckets[hash64(&id.value, sizeof id.value, 0) & (sales->bucket_count - 1)];
}

bool stock_sales_init(struct stock_sales *sales, uint32_t max)
{
    *sales = (struct stock_sales){.bucket_count = 16};
    while (sales->bucket_count < max) {
        sales->bucket_count *= 2;
    }
    sales->sales = slab_create(sizeof(struct stock_sale), max);
    sales->buckets = calloc(sales->bucket_count, sizeof *sales->buckets);
    return sales->sales && sales->buckets;
}

void stock_sales_finish(struct stock_sales *sales)
{
    slab_destroy(sales->sales);
    free(sales->buckets);
    *sales = (struct stock_sales){0};
}

struct stock_sale *stock_sales_find(const struct stock_sales *sales, struct sale_id id)
{
    struct stock_sale *sale = *bucket_of(sales, id);

    while (sale && sale->sale.value != id.value) {
        sale = sale->chain;
    }
    return sale;
}

struct stock_sale *stock_sales_find_or_add(struct stock_sales *sales, struct sale_id id)
{
    struct stock_sale **bucket = bucket_of(sales, id);
    struct stock_sale *sale = stock_sales_find(sales, id);

    if (!sale) {
        sale = slab_take(sales->sales);
        if (sale) {
            sale->sale = id;
            sale->chain = *bucket;
            *bucket = sale;
        }
    }
    return sale;
}

void stock_sales_drop_if_idle(struct stock_sales *sales, struct stock_sale *sale)
{
    struct stock_sale **place = bucket_of(sales, sale->sale);

    if (sale->queue.count > 0 || sale->calls > 0 || sale->poll_epoch != 0 || sale->is_ready) {
        return;
    }
    while (*place != sale) {
        place = &(*place)->chain;
    }
    *place = sale->chain;
    slab_give(sales->sales, sale);
}

void stock_sales_make_ready(struct stock_sales *sales, struct stock_sale *sale)
{
    if (!sale->is_ready) {
        sale->is_ready = true;
        sale->next = NULL;
        *(sales->last_ready ? &sales->last_ready->next : &sales->first_ready) = sale;
        sales->last_ready = sale;
    }
}

struct stock_sale *stock_sales_pop_ready(struct stock_sales *sales)
{
    struct stock_sale *sale = sales->first_ready;

    if (sale) {
        sales->first_ready = sale->next;
        sales->last_ready = sales->first_ready ? sales->last_ready : NULL;
        sale->is_ready = false;
    }
    return sale;
}

static void take_late(struct stock_queue *queue, int64_t limit_us, struct stock_queue *late)
{
    while (queue->count > 0 && queue->first->attempt.deadline_us <= limit_us) {
        stock_queue_append(late, stock_queue_pop(queue));
    }
}

int64_t stock_sales_take_late(struct stock_sales *sales, int64_t limit_us, struct stock_queue *late)
{
    int64_t next_us = INT64_MAX;

    for (uint32_t i = 0; i < sales->bucket_count; i++) {
        for (struct stock_sale *sale = sales->buckets[i]; sale; sale = sale->chain) {
            take_late(&sale->queue, limit_us, late);
            if (sale->queue.count > 0 && sale->queue.first->attempt.deadline_us < next_us) {
                next_us = sale->queue.first->attempt.deadline_us;
            }
        }
    }
    return next_us;
}
