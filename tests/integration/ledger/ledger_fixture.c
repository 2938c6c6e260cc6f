#include "integration/ledger/ledger_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "ledger/guard_store.h"
#include "ledger/migrations.h"
#include "ledger/offset_store.h"
#include "loop/waiter.h"

enum { WAIT_US = 30000000 };

static const char database_variable[] = "SECKILL_TEST_DATABASE";

const struct admin_actor fixture_actor = {.name = "test", .request_id = "request-1"};

static struct mysql_link *open_link(const char *database)
{
    const struct mysql_link_options options = {
        .host = getenv("MYSQL_HOST"),
        .port = (uint32_t)strtoul(getenv("MYSQL_PORT"), NULL, 10),
        .user = getenv("MYSQL_USER"),
        .password = getenv("MYSQL_PASSWORD"),
        .database = database,
        .timeout_ms = 5000,
    };

    return mysql_link_create(&options);
}

struct mysql_link *fixture_link(void)
{
    struct mysql_link *link = open_link(getenv(database_variable));

    cr_assert(link != NULL);
    cr_assert(mysql_link_ensure(link) == ERR_OK, "%s", mysql_link_error_text(link));
    return link;
}

void fixture_run(struct mysql_link *link, const char *text)
{
    cr_assert(mysql_link_ensure(link) == ERR_OK, "%s", mysql_link_error_text(link));
    cr_assert(mysql_link_run_text(link, text, strlen(text)) == ERR_OK, "%s: %s", text,
              mysql_link_error_text(link));
}

struct mysql_link *fixture_empty(char name[static 65])
{
    struct mysql_link *link = fixture_link();
    char text[128];

    snprintf(name, 65, "%s_e%d", getenv("MYSQL_DATABASE"), (int)getpid());
    snprintf(text, sizeof text, "CREATE DATABASE %s", name);
    fixture_run(link, text);
    mysql_link_destroy(link);
    link = open_link(name);
    cr_assert(link != NULL);
    return link;
}

void fixture_drop(struct mysql_link *link, const char *name)
{
    char text[128];

    snprintf(text, sizeof text, "DROP DATABASE %s", name);
    fixture_run(link, text);
    mysql_link_destroy(link);
}

struct mysql_link *fixture_own(char name[static 65])
{
    struct mysql_link *link = fixture_empty(name);

    cr_assert(migrations_run(link, migrations_embedded, migrations_embedded_count, NULL) == ERR_OK,
              "%s", mysql_link_error_text(link));
    setenv(database_variable, name, 1);
    return link;
}

static enum err keep_value(void *arg, const struct sql_value *columns)
{
    uint64_t *value = arg;

    *value = columns[0].kind == SQL_NULL ? 0 : columns[0].u64;
    return ERR_OK;
}

uint64_t fixture_value(struct mysql_link *link, const struct sql *sql, const uint64_t *params,
                       size_t count)
{
    struct sql_value values[8];
    uint64_t value = UINT64_MAX;

    cr_assert(count <= 8);
    for (size_t i = 0; i < count; i++) {
        values[i] = sql_u64(params[i]);
    }
    cr_assert(mysql_link_query(link, sql, 0, values, count, keep_value, &value) == ERR_OK, "%s: %s",
              sql->head, mysql_link_error_text(link));
    cr_assert(value != UINT64_MAX, "%s: no row", sql->head);
    return value;
}

void fixture_wait(struct mysql_link *link, const struct sql *sql, const uint64_t *params,
                  size_t count)
{
    struct waiter *waiter = waiter_create();
    int64_t deadline_us = clock_mono_us() + WAIT_US;

    while (fixture_value(link, sql, params, count) == 0) {
        cr_assert(clock_mono_us() < deadline_us, "%s: nothing came", sql->head);
        cr_assert(waiter_sleep_ms(waiter, 2));
    }
    waiter_destroy(waiter);
}

void *fixture_at_moment(void *arg)
{
    const struct fixture_moment *moment = arg;
    struct mysql_link *watcher = fixture_link();
    const uint64_t id[] = {mysql_link_session_id(moment->watched)};

    fixture_wait(watcher, moment->waiting, id, 1);
    if (moment->holder) {
        cr_assert(mysql_link_commit(moment->holder) == ERR_OK);
    } else {
        fixture_kill(moment->watched);
    }
    mysql_link_destroy(watcher);
    mysql_link_thread_end();
    return NULL;
}

struct sale_id fixture_sale(struct mysql_link *link, uint32_t total, uint32_t limit)
{
    struct sale_definition sale = {
        .name = "a sale",
        .currency = "CNY",
        .opens_ms = 1000,
        .closes_ms = 4000000000000,
        .limit = limit,
        .pay_window_ms = 900000,
        .sku_count = 2,
        .skus = {{.sku = {1, "a"}, .price = 100, .total = total},
                 {.sku = {1, "b"}, .price = 250, .total = total}},
    };
    struct sale_id id = {0};

    cr_assert(sale_store_create(link, &sale, &fixture_actor, &id) == ERR_OK, "%s",
              mysql_link_error_text(link));
    return id;
}

uint32_t fixture_load(struct mysql_link *link, struct sale_id sale)
{
    struct guard_claim claim;
    struct sale_row row;
    const struct guard_progress done = {.step = GUARD_STEP_DONE};

    cr_assert(guard_store_claim(link, sale, "loader", 0, &claim) == ERR_OK);
    cr_assert(sale_store_raise_epoch(link, &claim, 0, &row) == ERR_OK);
    cr_assert(guard_store_progress(link, &claim, &done) == ERR_OK);
    return row.definition.epoch;
}

struct order_no fixture_order_no(struct sale_id sale, uint32_t epoch, uint32_t seq)
{
    struct order_no order_no = {0};

    cr_assert(order_no_make(sale, epoch, seq, &order_no) == ERR_OK);
    return order_no;
}

struct order_record fixture_record(struct sale_id sale, uint32_t epoch, uint32_t seq)
{
    struct order_record record = {
        .version = 1,
        .order_no = fixture_order_no(sale, epoch, seq),
        .sku = {1, "a"},
        .quantity = 1,
        .unit_price = 100,
        .currency = "CNY",
        .won_at_ms = 1700000000000,
        .pay_by_ms = 1700000900000,
    };

    snprintf(record.buyer.text, sizeof record.buyer.text, "buyer-%u", seq);
    record.buyer.size = (uint8_t)strlen(record.buyer.text);
    snprintf(record.key_hash.hex, sizeof record.key_hash.hex, "%032x", seq);
    return record;
}

struct settle_item fixture_item(uint64_t offset, const struct order_record *record)
{
    return (struct settle_item){
        .offset = offset, .record = record, .payload = "bytes", .payload_size = 5};
}

const char *fixture_topic(void)
{
    static char topic[32];

    snprintf(topic, sizeof topic, "orders.%d", (int)getpid());
    return topic;
}

struct settle *fixture_settle(struct mysql_link *link, uint32_t part)
{
    const struct settle_options options = {.kind = &settle_orders_kind,
                                           .link = link,
                                           .topic = fixture_topic(),
                                           .part = part,
                                           .owner = "worker-1"};
    struct settle *settle = settle_create(&options);
    uint64_t next = UINT64_MAX;

    cr_assert(settle != NULL);
    cr_assert(settle_claim(settle, &next) == SETTLE_DONE, "%s", mysql_link_error_text(link));
    cr_assert(next == 0);
    return settle;
}

uint64_t fixture_sold(struct mysql_link *link, struct sale_id sale)
{
    return VALUE(link, "SELECT CAST(SUM(sold) AS UNSIGNED) FROM sale_skus WHERE sale = ?",
                 sale.value);
}

uint64_t fixture_next(struct mysql_link *link)
{
    struct offset_row row;

    cr_assert(offset_store_read(link, fixture_topic(), 0, &row) == ERR_OK);
    return row.next;
}

void fixture_kill(struct mysql_link *victim)
{
    struct mysql_link *killer = fixture_link();
    char text[64];

    snprintf(text, sizeof text, "KILL %llu", (unsigned long long)mysql_link_session_id(victim));
    fixture_run(killer, text);
    mysql_link_destroy(killer);
}

/* --- the runner: one database for all tests of the program --- */

static int fail(const char *what, const char *why)
{
    printf("1..1\nnot ok 1 - %s: %s\n", what, why);
    return 1;
}

static enum err run(struct mysql_link *link, const char *format, const char *name)
{
    char text[128];
    enum err err = mysql_link_ensure(link);

    snprintf(text, sizeof text, format, name);
    return err == ERR_OK ? mysql_link_run_text(link, text, strlen(text)) : err;
}

static int run_tests(int argc, char **argv)
{
    struct criterion_test_set *tests = criterion_initialize();
    int failed = 0;

    if (criterion_handle_args(argc, argv, true)) {
        failed = criterion_run_all_tests(tests) ? 0 : 1;
    }
    criterion_finalize(tests);
    return failed;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"MYSQL_HOST", "MYSQL_PORT", "MYSQL_USER", "MYSQL_PASSWORD",
                                        "MYSQL_DATABASE"};
    struct mysql_link *link = NULL;
    char name[65];
    int failed = 0;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i]) == NULL) {
            return fail(names[i], "not set (tools/services up, then source .run/env)");
        }
    }
    snprintf(name, sizeof name, "%s_t%d", getenv("MYSQL_DATABASE"), (int)getpid());
    if (mysql_link_library_start() != ERR_OK || (link = open_link("")) == NULL
        || run(link, "CREATE DATABASE %s", name) != ERR_OK) {
        return fail("the test database",
                    link != NULL ? mysql_link_error_text(link) : "out of memory");
    }
    mysql_link_destroy(link);
    setenv(database_variable, name, 1);
    link = open_link(name);
    if (migrations_run(link, migrations_embedded, migrations_embedded_count, NULL) != ERR_OK) {
        failed = fail("the schema", mysql_link_error_text(link));
    } else {
        failed = run_tests(argc, argv);
    }
    if (run(link, "DROP DATABASE %s", name) != ERR_OK) {
        failed = 1;
    }
    mysql_link_destroy(link);
    return failed;
}
