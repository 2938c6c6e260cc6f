/* fake_ledger: what settling uses of ledger/, in memory.
 * Why:    lost replies, deadlocks and races come when a test asks for them.
 * Never:  linked with the real ledger/.
 * Thread: that of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/dead_store.h"
#include "ledger/mysql_link.h"
#include "ledger/order_settle.h"
#include "ledger/outbox_store.h"

enum { FAKE_ORDERS_MAX = 64, FAKE_SALES_MAX = 40, FAKE_ROWS_MAX = 64 };

/* What a transaction changes. */
struct fake_data {
    struct order_row orders[FAKE_ORDERS_MAX];
    size_t order_count;
    struct order_sale sales[FAKE_SALES_MAX];
    bool frozen[FAKE_SALES_MAX];
    bool ended[FAKE_SALES_MAX];
    char why[FAKE_SALES_MAX][300]; /* of the last freeze: actor and why */
    size_t sale_count;
    struct dead_letter dead[FAKE_ROWS_MAX];
    size_t dead_count;                             /* the id of a letter is its place, from 1 */
    char resolution[DEAD_RESOLUTION_SIZE_MAX + 1]; /* of the letter resolved last */
    size_t admin_rows;
    char admin_detail[512]; /* of the last */
    struct outbox_row outbox[FAKE_ROWS_MAX];
    size_t outbox_count;
    uint64_t notices[FAKE_ROWS_MAX]; /* offsets of those that had their effect */
    size_t notice_count;
    uint64_t next;
    uint64_t owner_epoch;
};

enum fake_call {
    FAKE_ENSURE,
    FAKE_BEGIN,
    FAKE_SALE,
    FAKE_EXISTING,
    FAKE_INSERT,
    FAKE_TAKE,
    FAKE_BURY,
    FAKE_CONTROL,
    FAKE_ADVANCE,
    FAKE_COMMIT,
    FAKE_RESOLVE,
    FAKE_CALL_COUNT,
};

struct mysql_link {
    struct fake_data data;
    struct fake_data before; /* as at the last BEGIN */
    bool in_transaction;
    bool up;
    unsigned code;      /* of the last refusal */
    unsigned busy_code; /* of ERR_BUSY; 0: a deadlock */
    uint64_t generation;
    enum err fail[FAKE_CALL_COUNT];       /* what the next calls end with */
    uint32_t fail_count[FAKE_CALL_COUNT]; /* how many of them */
    bool lost_commit_happened;            /* of a COMMIT that fails with ERR_LOST */
    uint32_t calls[FAKE_CALL_COUNT];
    /* Runs once, before the next INSERT: what another session commits meanwhile. */
    void (*meanwhile)(struct mysql_link *link);
};

struct mysql_link *fake_ledger_create(void);
void fake_ledger_destroy(struct mysql_link *link);
void fake_ledger_fail(struct mysql_link *link, enum fake_call call, enum err err, uint32_t count);
/* Sale with one sku "a". */
void fake_ledger_add_sale(struct mysql_link *link, uint32_t sale, uint32_t epoch, uint64_t total);
/* NULL: there is none. */
const struct order_row *fake_ledger_find(const struct mysql_link *link, struct order_no order_no);
