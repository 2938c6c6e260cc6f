/* Notices on a real server: what two and more sessions do at the same moment. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "integration/ledger/ledger_fixture.h"
#include "ledger/order_life.h"
#include "ledger/order_settle.h"
#include "ledger/sql_text.h"
#include "settlement/notice_apply.h"
#include "settlement/parked.h"
#include "settlement/settle.h"
#include "support/notices.h"

static const struct notice_place place = {.topic = "notices", .part = 0, .offset = 1};
static const struct sku a = {1, "a"};
static _Thread_local struct settle_turn whole;
static uint64_t sold; /* of "a", when the last one was taken */
static struct mysql_link *link;
static char database[65];   /* its own: sweeps look at all sales */
static struct sale_id sale; /* of 1,000 units of "a" and of "b", loaded */
static uint32_t epoch;

static void begin(void)
{
    link = fixture_own(database);
    sale = fixture_sale(link, 1000, 3);
    epoch = fixture_load(link, sale);
    cr_assert(mysql_link_ensure(link) == ERR_OK);
}

static void end(void)
{
    fixture_drop(link, database);
}

TestSuite(notices, .init = begin, .fini = end);

static struct order_no number(uint32_t seq)
{
    return fixture_order_no(sale, epoch, seq);
}

/* All in one transaction at first, by the session of `settle`. */
static void settle_all(struct settle *settle, const struct order_record *records, size_t count)
{
    struct settle_item items[16];
    struct settle_stats stats;
    size_t taken = 0;

    cr_assert(count <= 16);
    for (size_t i = 0; i < count; i++) {
        items[i] = fixture_item(settle_next(settle) + i, &records[i]);
    }
    while (taken < count) { /* SETTLE_AGAIN: a deadlock that was not gone after three tries */
        const enum settle_result result =
            settle_batch(settle, items + taken, count - taken, &stats);
        cr_assert(result == SETTLE_DONE || result == SETTLE_AGAIN);
        taken += stats.taken;
    }
}

/* A PENDING order of "a". */
static void settled(uint32_t seq)
{
    struct settle *settle = fixture_settle(link, 0);
    const struct order_record record = fixture_record(sale, epoch, seq);

    settle_all(settle, &record, 1);
    settle_destroy(settle);
}

static struct notice paid(uint32_t seq, const char *event, const char *transaction)
{
    char ids[2][64];

    snprintf(ids[0], sizeof ids[0], "%u-%u-%s", sale.value, seq, event);
    snprintf(ids[1], sizeof ids[1], "%u-%u-%s", sale.value, seq, transaction);
    return notice_of(NOTICE_KIND_PAID, number(seq), ids[0], ids[1]);
}

struct job {
    const struct notice *notice;
    struct notice_applied applied;
};

static enum err body(struct mysql_link *session, void *arg)
{
    struct job *job = arg;

    return notice_apply_in(session, job->notice, &place, &job->applied);
}

static enum notice_result apply_by(struct mysql_link *session, const struct notice *notice)
{
    struct job job = {.notice = notice};

    cr_assert(mysql_link_transaction(session, body, &job) == ERR_OK, "%s",
              mysql_link_error_text(session));
    return job.applied.result;
}

static enum order_state state_of(uint32_t seq)
{
    struct order_row row;

    cr_assert(order_store_find(link, number(seq), &row) == ERR_OK);
    return row.state;
}

static uint32_t sweep(void)
{
    struct parked_stats stats;

    cr_assert(parked_sweep(link, PARKED_SWEEP_MAX, &whole, NULL, &stats) == ERR_OK);
    cr_assert(stats.failed == 0);
    return stats.joined;
}

static uint64_t count_payments(const char *state)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM payments WHERE order_no >> 40 = ? AND "
                "state = ?"};
    const struct sql_value params[] = {sql_u64(sale.value), sql_text(state)};
    uint64_t count = 0;

    cr_assert(mysql_link_query(link, &sql, 0, params, 2, sql_read_u64, &count) == ERR_OK);
    return count;
}

/* --- the same moment --- */

/* A row as settling inserts it, in a transaction that is still open. */
static void insert_row(struct mysql_link *session, uint32_t seq)
{
    struct order_row row = {.record = fixture_record(sale, epoch, seq),
                            .has_slot = true,
                            .state = ORDER_STATE_PENDING,
                            .version = 1,
                            .created_ms = 1,
                            .topic = "orders"};
    const struct order_row *rows[] = {&row};

    cr_assert(order_settle_insert_in(session, rows, 1) == ERR_OK);
}

static void begin_in(struct mysql_link *session)
{
    cr_assert(mysql_link_ensure(session) == ERR_OK && mysql_link_begin(session) == ERR_OK);
}

/* Both are open at once; whoever commits first, neither has seen the other. */
static void cross(bool notice_first, uint32_t seq)
{
    struct mysql_link *settling = fixture_link(), *noticing = fixture_link();
    const struct notice notice = paid(seq, "e", "t");
    struct notice_applied applied;

    begin_in(settling);
    begin_in(noticing);
    insert_row(settling, seq);
    cr_assert(notice_apply_in(noticing, &notice, &place, &applied) == ERR_OK, "it does not wait");
    cr_assert(applied.result == NOTICE_PARKED);
    cr_assert(order_settle_take_in(settling, sale, &a, epoch, 1, &sold) == ERR_OK);
    cr_assert(sweep() == 0);
    cr_assert(mysql_link_commit(notice_first ? noticing : settling) == ERR_OK);
    cr_assert(sweep() == 0, "only one of both is there");
    cr_assert(mysql_link_commit(notice_first ? settling : noticing) == ERR_OK);
    cr_assert(sweep() == 1);
    cr_assert(state_of(seq) == ORDER_STATE_PAID && count_payments("PARKED") == 0);
    mysql_link_destroy(settling);
    mysql_link_destroy(noticing);
}

Test(notices, a_notice_and_its_row_committed_at_the_same_moment_are_joined)
{
    cross(true, 1);
    cross(false, 2);
}

/* Settling inserts its rows, then wants the sku; a cancel holds the sku. It must not wait for a row
 * that is being inserted: each would wait for the other. */
Test(notices, who_holds_a_sku_waits_for_no_insert)
{
    struct mysql_link *settling = fixture_link();
    const struct notice cancel = notice_cancel(number(1), "buyer-1"), other = paid(2, "e", "t");
    const struct notice *const both[] = {&other, &cancel};
    struct notice_applied applied;

    settled(1);
    begin_in(settling);
    insert_row(settling, 2);
    begin_in(link);
    cr_assert(notice_apply_lock_in(link, both, 2) == ERR_OK, "%s", mysql_link_error_text(link));
    cr_assert(notice_apply_in(link, &cancel, &place, &applied) == ERR_OK);
    cr_assert(applied.result == NOTICE_APPLIED);
    cr_assert(notice_apply_in(link, &other, &place, &applied) == ERR_OK);
    cr_assert(applied.result == NOTICE_PARKED);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(order_settle_take_in(settling, sale, &a, epoch, 1, &sold) == ERR_OK);
    cr_assert(mysql_link_commit(settling) == ERR_OK);
    cr_assert(sweep() == 1 && state_of(2) == ORDER_STATE_PAID);
    cr_assert(state_of(1) == ORDER_STATE_CLOSED && fixture_sold(link, sale) == 1);
    mysql_link_destroy(settling);
}

Test(notices, what_was_paid_for_a_cut_history_is_given_back)
{
    const struct notice first = paid(1, "e1", "t1"), second = paid(1, "e2", "t2");
    const struct notice cancel = notice_cancel(number(2), "ann");

    cr_assert(apply_by(link, &first) == NOTICE_PARKED);
    cr_assert(apply_by(link, &cancel) == NOTICE_PARKED);
    cr_assert(sweep() == 0);
    (void)fixture_load(link, sale);
    cr_assert(apply_by(link, &second) == NOTICE_PARKED, "behind the first");
    cr_assert(sweep() == 3);
    cr_assert(count_payments("REFUND_DUE") == 2 && count_payments("IGNORED") == 1);
    cr_assert(VALUE(link,
                    "SELECT CAST(COUNT(DISTINCT order_version) AS UNSIGNED) FROM outbox WHERE "
                    "sale = ? AND verb = 'order.refund_due' AND order_no = ?",
                    sale.value, number(1).value)
              == 2);
}

/* The ledger's epoch is read under the sku's lock: a load either counts the units or is told. */
Test(notices, units_carry_the_epoch_of_the_moment_of_their_return)
{
    const struct notice cancel = notice_cancel(number(1), "buyer-1");

    settled(1);
    cr_assert(fixture_load(link, sale) == epoch + 1);
    cr_assert(apply_by(link, &cancel) == NOTICE_APPLIED);
    cr_assert(VALUE(link,
                    COUNT "stock_ledger l JOIN outbox b ON b.ledger_id = l.id WHERE l.sale = ? "
                          "AND l.cause = 'close' AND l.epoch = ? AND b.epoch = ?",
                    sale.value, epoch + 1, epoch + 1)
              == 1);
}

/* --- many at once --- */

enum { THREADS = 20, COPIES = 5 };

struct copier {
    pthread_t thread;
    const struct notice *notice;
    uint32_t results[NOTICE_RESULT_COUNT];
};

static void *copy_notice(void *arg)
{
    struct copier *copier = arg;
    struct mysql_link *session = fixture_link();

    for (int i = 0; i < COPIES; i++) {
        copier->results[apply_by(session, copier->notice)]++;
    }
    mysql_link_destroy(session);
    mysql_link_thread_end();
    return NULL;
}

/* `notices`: by the thread; all of one order. */
static void copy_all(const struct notice *const *notices, uint32_t ret_results[])
{
    struct copier copiers[THREADS] = {0};

    memset(ret_results, 0, sizeof(uint32_t) * NOTICE_RESULT_COUNT);
    for (int i = 0; i < THREADS; i++) {
        copiers[i].notice = notices[i];
        cr_assert(pthread_create(&copiers[i].thread, NULL, copy_notice, &copiers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert(pthread_join(copiers[i].thread, NULL) == 0);
        for (int r = 0; r < NOTICE_RESULT_COUNT; r++) {
            ret_results[r] += copiers[i].results[r];
        }
    }
}

Test(notices, a_hundred_copies_at_once_are_one)
{
    const struct notice notice = paid(1, "e", "t"), early = paid(2, "e", "t");
    const struct notice *copies[THREADS], *early_copies[THREADS];
    uint32_t results[NOTICE_RESULT_COUNT];

    settled(1);
    for (int i = 0; i < THREADS; i++) {
        copies[i] = &notice;
        early_copies[i] = &early;
    }
    copy_all(copies, results);
    cr_assert(results[NOTICE_APPLIED] == 1 && results[NOTICE_REPEATED] == THREADS * COPIES - 1);
    cr_assert(count_payments("APPLIED") == 1 && state_of(1) == ORDER_STATE_PAID);
    cr_assert(VALUE(link, COUNT "outbox WHERE sale = ? AND kind = 'event'", sale.value) == 1);
    copy_all(early_copies, results);
    cr_assert(results[NOTICE_PARKED] == 1 && results[NOTICE_REPEATED] == THREADS * COPIES - 1);
}

Test(notices, of_many_transactions_at_once_one_pays)
{
    struct notice notices[THREADS];
    const struct notice *list[THREADS];
    uint32_t results[NOTICE_RESULT_COUNT];

    settled(1);
    for (int i = 0; i < THREADS; i++) {
        char event[16], transaction[16];
        snprintf(event, sizeof event, "e%d", i);
        snprintf(transaction, sizeof transaction, "t%d", i / 2); /* each under two events */
        notices[i] = paid(1, event, transaction);
        list[i] = &notices[i];
    }
    copy_all(list, results);
    cr_assert(results[NOTICE_APPLIED] == 1 && results[NOTICE_REFUND_DUE] == THREADS / 2 - 1);
    cr_assert(results[NOTICE_REPEATED] == THREADS * COPIES - THREADS / 2);
    struct order_row row;
    cr_assert(order_store_find(link, number(1), &row) == ERR_OK);
    cr_assert(row.version == 1 + THREADS / 2, "each event has a version of its own");
    cr_assert(VALUE(link,
                    "SELECT CAST(COUNT(DISTINCT order_version) AS UNSIGNED) FROM outbox WHERE "
                    "sale = ? AND kind = 'event'",
                    sale.value)
              == THREADS / 2);
}

enum { CROWD_ORDERS = 480, CROWD_BATCH = 8 };

static void *crowd_settle(void *arg)
{
    struct mysql_link *session = fixture_link();
    struct settle *settle = fixture_settle(session, *(const uint32_t *)arg);

    for (uint32_t i = 0; i < CROWD_ORDERS / 2; i += CROWD_BATCH) {
        struct order_record records[CROWD_BATCH];
        for (uint32_t k = 0; k < CROWD_BATCH; k++) {
            records[k] = fixture_record(sale, epoch, 1 + *(const uint32_t *)arg + 2 * (i + k));
            records[k].sku.text[0] = k % 2 == 0 ? 'a' : 'b';
        }
        settle_all(settle, records, CROWD_BATCH);
    }
    settle_destroy(settle);
    mysql_link_destroy(session);
    mysql_link_thread_end();
    return NULL;
}

struct crowd_batch {
    struct notice notices[CROWD_BATCH];
    uint32_t count;
};

static enum err crowd_body(struct mysql_link *session, void *arg)
{
    const struct crowd_batch *batch = arg;
    const struct notice *list[CROWD_BATCH];
    struct notice_applied applied;

    for (uint32_t i = 0; i < batch->count; i++) {
        list[i] = &batch->notices[i];
    }
    enum err err = notice_apply_lock_in(session, list, batch->count);
    for (uint32_t i = 0; i < batch->count && err == ERR_OK; i++) {
        err = notice_apply_in(session, list[i], &place, &applied);
    }
    return err;
}

/* A transaction that met too many deadlocks in a row is begun again, as the worker does. */
static void crowd_apply(struct mysql_link *session, struct crowd_batch *batch)
{
    enum err err = ERR_BUSY;

    for (int i = 0; i < 50 && err == ERR_BUSY; i++) {
        err = mysql_link_transaction(session, crowd_body, batch);
    }
    cr_assert(err == ERR_OK, "%s: %s", err_name(err), mysql_link_error_text(session));
    batch->count = 0;
}

/* Every order is paid, every third cancelled, by batches that run against the orders' numbers. */
static void *crowd_notice(void *arg)
{
    struct mysql_link *session = fixture_link();
    const bool cancels = *(const uint32_t *)arg == 1;
    struct crowd_batch batch = {.count = 0};

    for (uint32_t i = 0; i < CROWD_ORDERS; i++) {
        const uint32_t seq = cancels ? CROWD_ORDERS - i : i + 1;
        char buyer[32];
        snprintf(buyer, sizeof buyer, "buyer-%u", seq);
        if (!cancels || seq % 3 == 0) {
            batch.notices[batch.count++] =
                cancels ? notice_cancel(number(seq), buyer) : paid(seq, "e", "t");
        }
        if (batch.count == CROWD_BATCH || i + 1 == CROWD_ORDERS) {
            crowd_apply(session, &batch);
        }
    }
    mysql_link_destroy(session);
    mysql_link_thread_end();
    return NULL;
}

struct closing {
    struct order_overdue overdue;
    uint32_t closed;
};

static enum err close_body(struct mysql_link *session, void *arg)
{
    struct closing *closing = arg;

    return order_life_close_overdue_in(session, &closing->overdue, &closing->closed);
}

static bool is_over; /* set before the threads that wait for it are joined */
static pthread_mutex_t over_lock = PTHREAD_MUTEX_INITIALIZER;

static bool look_over(bool set)
{
    pthread_mutex_lock(&over_lock);
    is_over = is_over || set;
    const bool over = is_over;
    pthread_mutex_unlock(&over_lock);
    return over;
}

/* Sweeps, and closes as overdue whatever it finds, until the others are done. */
static void *crowd_reap(void *arg)
{
    struct mysql_link *session = fixture_link();

    do {
        for (uint32_t k = 0; k < 2; k++) {
            struct closing closing = {.overdue = {.sale = sale,
                                                  .sku = {1, ""},
                                                  .before_ms = INT64_MAX,
                                                  .notices_topic = "notices",
                                                  .max = 3}};
            closing.overdue.sku.text[0] = k == 0 ? 'a' : 'b';
            enum err err = mysql_link_transaction(session, close_body, &closing);
            cr_assert(err == ERR_OK || err == ERR_BUSY, "%s", mysql_link_error_text(session));
            *(uint32_t *)arg += err == ERR_OK ? closing.closed : 0;
        }
        struct parked_stats stats;
        cr_assert(parked_sweep(session, PARKED_SWEEP_MAX, &whole, NULL, &stats) == ERR_OK);
    } while (!look_over(false));
    mysql_link_destroy(session);
    mysql_link_thread_end();
    return NULL;
}

/* Two workers settle, one applies payments and one cancels, one reaps: no error comes up, every
 * order ends in one world, and units and money add up. */
Test(notices, settling_paying_cancelling_and_closing_at_once_add_up, .timeout = 300)
{
    static const struct sql lapse = {.head = "UPDATE sales SET pay_window = 0 WHERE sale = ?"};
    const struct sql_value of_sale[] = {sql_u64(sale.value)};
    uint32_t parts[2] = {0, 1}, closed = 0;
    pthread_t threads[5];

    cr_assert(mysql_link_execute(link, &lapse, 0, of_sale, 1, NULL) == ERR_OK);

    cr_assert(pthread_create(&threads[0], NULL, crowd_settle, &parts[0]) == 0);
    cr_assert(pthread_create(&threads[1], NULL, crowd_settle, &parts[1]) == 0);
    cr_assert(pthread_create(&threads[2], NULL, crowd_notice, &parts[0]) == 0);
    cr_assert(pthread_create(&threads[3], NULL, crowd_notice, &parts[1]) == 0);
    cr_assert(pthread_create(&threads[4], NULL, crowd_reap, &closed) == 0);
    for (int i = 0; i < 4; i++) {
        cr_assert(pthread_join(threads[i], NULL) == 0);
    }
    (void)look_over(true);
    cr_assert(pthread_join(threads[4], NULL) == 0);
    while (sweep() > 0) {
    }
    cr_assert(count_payments("PARKED") == 0 && count_payments("QUARANTINED") == 0);
    const uint64_t live = VALUE(link, COUNT "orders WHERE sale = ? AND state = 'PAID'", sale.value);
    const uint64_t gone =
        VALUE(link, COUNT "orders WHERE sale = ? AND state = 'CLOSED'", sale.value);
    fprintf(stderr, "# paid %u, closed %u, of them overdue %u\n", (unsigned)live, (unsigned)gone,
            closed);
    cr_assert(live + gone == CROWD_ORDERS, "every order was paid for or closed");
    cr_assert(fixture_sold(link, sale) == live);
    cr_assert(VALUE(link, COUNT "stock_ledger WHERE sale = ? AND cause = 'close'", sale.value)
              == gone);
    cr_assert(VALUE(link, COUNT "outbox WHERE sale = ? AND kind = 'units'", sale.value) == gone);
    /* Who paid has his order, or gets his money back. */
    cr_assert(VALUE(link,
                    COUNT "payments p JOIN orders o ON o.order_no = p.order_no WHERE o.sale = ? "
                          "AND p.kind = 'paid' AND p.state = IF(o.state = 'PAID', 'APPLIED', "
                          "'REFUND_DUE')",
                    sale.value)
              == CROWD_ORDERS);
}
