/* settle_plan: what becomes of each record of a batch, given what MySQL holds.
 * Why:    the rules of settling are told and tested without a server (PROTOCOL §6 settling).
 * Never:  I/O; changes its mind after a write failed (settle does, one record at a time).
 * Thread: that of its owner.  Owner: the settle that creates it; its memory is made once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/order_settle.h"
#include "settlement/settle.h"

enum { SETTLE_SALES_MAX = 32 }; /* sales in one transaction; a batch with more is cut */

enum settle_fate {
    SETTLE_FATE_ROW,       /* a new row: PENDING, QUARANTINED (version), VOIDED (epoch) */
    SETTLE_FATE_DUPLICATE, /* its row is there, or comes by an earlier record of the batch */
    SETTLE_FATE_DEAD,      /* a dead letter; of reason CLASH: the sale is frozen, too */
    SETTLE_FATE_NEWER,     /* of an epoch that MySQL does not have: the batch ends before it */
};

struct settle_step {
    const struct settle_item *item; /* borrowed, of the batch */
    enum settle_fate fate;
    enum dead_reason dead; /* DEAD */
    struct order_row row;  /* ROW */
    uint32_t sale_index;   /* ROW: in plan.sales */
    uint32_t sku_index;    /* ROW: in its skus */
};

struct settle_number {
    struct order_no order_no;
    uint32_t step;
};

struct settle_plan {
    struct settle_step *steps; /* owned, by offset */
    size_t step_count;
    struct settle_number *numbers; /* owned, of records: by order_no, then offset */
    size_t number_count;
    struct order_content *existing; /* owned, by order_no: rows that are there */
    size_t existing_count;
    const struct order_row **rows; /* owned; borrows of steps; by order_no: to be inserted */
    size_t row_count;
    struct order_sale sales[SETTLE_SALES_MAX]; /* ascending; sku_count 0: unknown to MySQL */
    size_t sale_count;
    uint64_t units[SETTLE_SALES_MAX][SALE_SKUS_MAX]; /* to be added to sold */
};

struct settle_plan *settle_plan_create(void);       /* NULL: no memory */
void settle_plan_destroy(struct settle_plan *plan); /* NULL is fine */

/* Takes the items up to the one whose sale would be one too many; returns how many, at least 1.
 * Fills steps, numbers and sales (their numbers only). */
size_t settle_plan_begin(struct settle_plan *plan, const struct settle_item *items, size_t count);
/* The distinct numbers, ascending; returns how many. */
size_t settle_plan_order_nos(const struct settle_plan *plan,
                             struct order_no ret_order_nos[static SETTLE_BATCH_MAX]);
/* A row that is there, in ascending order: for order_settle_existing_in(). Always ERR_OK. */
enum err settle_plan_add_existing(void *plan, const struct order_content *content);
/* With sales and existing rows known: the fate of each step, the rows, the units. Steps from the
 * first NEWER one on are dropped: step_count tells what is left, and may be 0. */
void settle_plan_decide(struct settle_plan *plan, const char *topic, uint32_t part);
/* Is the record of the same order as the row? (buyer, sku, quantity and key, PROTOCOL §6) */
bool settle_plan_is_same(const struct order_record *record, const struct order_content *content);
