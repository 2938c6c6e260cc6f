/* ledger_fixture: a database of its own for the tests of ledger/ and settlement/ on a real server.
 * Why:    they run beside each other, and beside whatever else uses the server.
 * Never:  skips: without a server main() fails (MYSQL_* of tools/services).
 * Thread: any; each test is a process. */
#pragma once

#include <stdint.h>

#include "domain/sale.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"
#include "settlement/settle.h"
#include "settlement/settle_orders.h"

extern const struct admin_actor fixture_actor;

/* A session on the test's database; asserts that it is there. */
struct mysql_link *fixture_link(void);
/* A session without its schema applied, on a new and empty database; dropped by fixture_drop(). */
struct mysql_link *fixture_empty(char name[static 65]);
void fixture_drop(struct mysql_link *link, const char *name);
/* The same with the schema; it is what fixture_link() of this test opens from then on. For tests of
 * what looks at the rows of all sales. */
struct mysql_link *fixture_own(char name[static 65]);

/* A number that a statement gives; `sql` is static, all its parameters are numbers. */
uint64_t fixture_value(struct mysql_link *link, const struct sql *sql, const uint64_t *params,
                       size_t count);
#define VALUE(link, text, ...)                                                                     \
    __extension__({                                                                                \
        static const struct sql sql_ = {.head = (text)};                                           \
        const uint64_t params_[] = {__VA_ARGS__};                                                  \
        fixture_value((link), &sql_, params_, sizeof params_ / sizeof params_[0]);                 \
    })
#define VALUE_OF_ALL(link, text)                                                                   \
    __extension__({                                                                                \
        static const struct sql sql_ = {.head = (text)};                                           \
        fixture_value((link), &sql_, NULL, 0);                                                     \
    })
#define COUNT "SELECT CAST(COUNT(*) AS UNSIGNED) FROM "
/* Until that number is not 0; asserts that it comes within 30 s. */
void fixture_wait(struct mysql_link *link, const struct sql *sql, const uint64_t *params,
                  size_t count);
/* For a thread of its own: once the session `watched` is in the statement that `waiting` counts by
 * the session's id, the open transaction of `holder` is committed; NULL: `watched` is killed. */
struct fixture_moment {
    const struct sql *waiting;
    struct mysql_link *watched, *holder; /* borrowed */
};
void *fixture_at_moment(void *moment); /* struct fixture_moment */
/* Runs a statement of literals. */
void fixture_run(struct mysql_link *link, const char *text);
/* A table "numbers" of `seq`, 1 to 100,000, for a FROM: MySQL has no seq_1_to_N of MariaDB. */
#define FIXTURE_DIGITS                                                                             \
    "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 "  \
    "UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL "       \
    "SELECT 9)"
#define FIXTURE_NUMBERS                                                                            \
    "(WITH d AS " FIXTURE_DIGITS " SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * "  \
    "f.n AS seq FROM d AS a, d AS b, d AS c, d AS e, d AS f) AS numbers"

/* A sale of skus "a" and "b", `total` units each, that was never loaded. */
struct sale_id fixture_sale(struct mysql_link *link, uint32_t total, uint32_t limit);
/* Raises its epoch as a load does; returns the new one. */
uint32_t fixture_load(struct mysql_link *link, struct sale_id sale);

struct order_no fixture_order_no(struct sale_id sale, uint32_t epoch, uint32_t seq);
/* The seq-th win of the epoch: buyer "buyer-<seq>", 1 unit of "a", slot 0. */
struct order_record fixture_record(struct sale_id sale, uint32_t epoch, uint32_t seq);
struct settle_item fixture_item(uint64_t offset, const struct order_record *record);
/* A claimed partition of a topic that only this process uses. */
struct settle *fixture_settle(struct mysql_link *link, uint32_t part);
const char *fixture_topic(void);
/* Units sold of all its skus; the place of partition 0 of the topic. */
uint64_t fixture_sold(struct mysql_link *link, struct sale_id sale);
uint64_t fixture_next(struct mysql_link *link);
/* Ends the session from another one. */
void fixture_kill(struct mysql_link *victim);
