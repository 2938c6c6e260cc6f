/* sale_table: the sales of the catalogue, found by number.
 * Why:    a purchase names a sale; what it needs of it is one probe away, behind a Bloom filter, so
 *         that unknown numbers die cheaply (PROTOCOL §3.8).
 * Never:  does I/O; says by itself that a sale does not exist: how old the catalogue is, the board
 *         knows.
 * Thread: loop.  Owner: the sale_board. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "admission/gate.h"
#include "admission/sold_out.h"
#include "common/err.h"
#include "domain/sale.h"

struct metrics_shard;
struct sale_table;

/* What the newest reply of a sale told. */
struct board_view {
    uint32_t epoch; /* 0: there was none */
    uint64_t version;
    enum sale_state state;
    uint32_t seq;
    uint32_t outbox_first; /* seq not above that of the first outbox entry; 0: empty */
    int64_t redis_time_ms;
    int64_t sent_us, received_us; /* monotonic */
    uint64_t known_skus;          /* bit i: left[i] is set */
    uint32_t left[SALE_SKUS_MAX]; /* units, by place in the definition */
};

/* One sale as this reactor knows it. Read-only outside sale_board and sale_table. Dies when the
 * catalogue drops the sale: a pointer is good for the turn only. */
struct board_sale {
    struct sale_definition
        definition;               /* as the catalogue has it; skus in the order of their names */
    uint8_t shown[SALE_SKUS_MAX]; /* places of the skus in the operator's order */
    uint32_t epoch;               /* that calls are made with */
    struct board_view view;
    struct gate_view opening; /* of the view */
    struct sold_out memory;
    int64_t asked_us; /* when somebody asked for it last */
    /* private to sale_board */
    struct board_sale *hot_next,
        **hot_prev; /* asked for within the last second; NULL: not in the list */
    int64_t polled_us;
    uint8_t places[SALE_SKUS_MAX]; /* where the definition has the i-th sku of a reply */
    struct no_kinds scan_kinds;    /* the scan that was asked for last */
    uint64_t scan_version;
    int64_t scan_asked_us;
    /* private to sale_table */
    bool seen;
};

struct sale_table *sale_table_create(uint32_t sales_max, uint32_t bloom_error_ppm,
                                     struct metrics_shard *shard); /* NULL: no memory */
void sale_table_destroy(struct sale_table *table);                 /* NULL is fine */

/* NULL: not in the catalogue. For a number that came from outside: behind the Bloom filter. */
struct board_sale *sale_table_find(struct sale_table *table, struct sale_id sale);
/* The same, for a number of ours. */
struct board_sale *sale_table_get(struct sale_table *table, struct sale_id sale);
/* The place of the sku in the sale's definition; -1: no such sku. */
int sale_table_find_sku(struct sale_table *table, const struct board_sale *sale,
                        const struct sku *sku);
uint32_t sale_table_count(const struct sale_table *table);
/* The i-th sale, 0 to count − 1, in no order; stays the same while the catalogue does. */
struct board_sale *sale_table_at(struct sale_table *table, uint32_t index);

/* Calls are made with this epoch from now on; what was known of another is forgotten. */
void sale_table_adopt(struct board_sale *sale, uint32_t epoch);

/* A whole catalogue: begin, put each, end. A sale not put is dropped at the end: `dropped` is
 * called before its memory goes. */
void sale_table_begin(struct sale_table *table);
/* ERR_BUSY: more than sales_max; ERR_NO_MEMORY. */
MUST_CHECK enum err sale_table_put(struct sale_table *table,
                                   const struct sale_definition *definition);
void sale_table_end(struct sale_table *table, int64_t now_us,
                    void (*dropped)(void *arg, struct board_sale *sale), void *arg);
