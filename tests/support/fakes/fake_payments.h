/* fake_payments: orders, payments and outbox in memory, as applying notices uses ledger/.
 * Why:    histories by the hundred thousand, and errors, come when a test asks for them.
 * Never:  linked with the real ledger/ or with fake_ledger.
 * Thread: that of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/mysql_link.h"
#include "ledger/order_life.h"
#include "ledger/payment_store.h"

enum { FAKE_LIVES_MAX = 16, FAKE_PAYMENTS_MAX = 64, FAKE_TOLD_MAX = 128 };

/* An event to the shop. */
struct fake_event {
    struct order_no order_no;
    char verb[33];
    uint32_t version;
};

/* What a transaction changes. */
struct fake_books {
    struct order_row orders[FAKE_LIVES_MAX];
    uint32_t order_count;
    struct payment_row payments[FAKE_PAYMENTS_MAX]; /* the id is the place, from 1 */
    uint32_t payment_count;
    struct fake_event events[FAKE_TOLD_MAX];
    uint32_t event_count;
    uint64_t sold, returned; /* units of the one sku */
    uint32_t letters;
};

enum fake_payments_call {
    FAKE_PAYMENTS_LOCK,
    FAKE_PAYMENTS_PUT,
    FAKE_PAYMENTS_MOVE,
    FAKE_PAYMENTS_EVENT,
    FAKE_PAYMENTS_SEARCH,
    FAKE_PAYMENTS_CALL_COUNT,
};

struct mysql_link {
    struct fake_books books;
    struct fake_books before; /* as at the last BEGIN */
    bool in_transaction;
    bool sale_is_unknown;
    uint32_t epoch; /* of every sale */
    enum err fail[FAKE_PAYMENTS_CALL_COUNT];
    uint32_t fail_count[FAKE_PAYMENTS_CALL_COUNT];
    /* Runs once, before the next look at an order: what another session commits meanwhile. */
    void (*meanwhile)(struct mysql_link *link);
};

struct mysql_link *fake_payments_create(void);
void fake_payments_destroy(struct mysql_link *link);
void fake_payments_clear(struct mysql_link *link); /* as created */
void fake_payments_fail(struct mysql_link *link, enum fake_payments_call call, enum err err,
                        uint32_t count);
/* NULL: there is none. */
struct order_row *fake_payments_order(struct mysql_link *link, struct order_no order_no);
/* A row as settling makes it: PENDING, 1 unit at 100 CNY of buyer "ann". */
struct order_row *fake_payments_add(struct mysql_link *link, struct order_no order_no);
