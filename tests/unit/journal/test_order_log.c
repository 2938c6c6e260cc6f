#include "journal/order_log.h"

#include <criterion/criterion.h>
#include <string.h>

#include "domain/order.h"
#include "loop/loop.h"
#include "support/run_until.h"
#include "unit/journal/mock_kafka.h"

enum { WAIT_MS = 30000 };

static struct mock_kafka mock;
static struct loop *loop;
static struct order_log *order_log;
static int calls;
static enum err last;

static void begin(void)
{
    mock_kafka_init(&mock);
    loop = loop_create(&(struct loop_options){.name = "test"});
    order_log = order_log_create(&(struct order_log_options){.loop = loop,
                                                             .brokers = mock.brokers,
                                                             .topic = "orders",
                                                             .client_name = "test",
                                                             .linger_ms = 1,
                                                             .message_timeout_ms = 15000,
                                                             .records_max = 4});
    cr_assert_not_null(order_log);
}

static void end(void)
{
    order_log_destroy(order_log);
    loop_destroy(loop);
    mock_kafka_finish(&mock);
}

TestSuite(order_log, .init = begin, .fini = end, .timeout = 60);

static struct order_record good(void)
{
    struct order_record record = {.version = 1,
                                  .quantity = 1,
                                  .unit_price = 100,
                                  .currency = "CNY",
                                  .won_at_ms = 1000,
                                  .pay_by_ms = 2000};

    cr_assert_eq(order_no_make((struct sale_id){7}, 1, 1, &record.order_no), ERR_OK);
    cr_assert_eq(buyer_parse("b", 1, &record.buyer), ERR_OK);
    cr_assert_eq(sku_parse("a", 1, &record.sku), ERR_OK);
    return record;
}

static void on_done(void *arg, enum err status)
{
    (void)arg;
    calls++;
    last = status;
}

static bool is_told(void *arg)
{
    return calls == *(int *)arg;
}

static bool is_ready(void *arg)
{
    const char *why;

    (void)arg;
    return order_log_is_ready(order_log, &why);
}

Test(order_log, a_record_that_breaks_its_bounds_is_refused_at_the_door)
{
    struct order_record record = good();

    record.quantity = 0;
    cr_assert_eq(order_log_append(order_log, &record, on_done, NULL), ERR_RANGE);
    cr_assert_eq(order_log_inflight_count(order_log), 0);
}

Test(order_log, tells_of_each_record_once)
{
    struct order_record record = good();
    int wanted = 1;

    cr_assert_eq(order_log_append(order_log, &record, on_done, NULL), ERR_OK);
    cr_assert_eq(order_log_inflight_count(order_log), 1);
    cr_assert(order_log_oldest_us(order_log) > 0);
    order_log_flush_soon(order_log);
    cr_assert(run_until(loop, is_told, &wanted, WAIT_MS));
    cr_assert_eq(last, ERR_OK);
    cr_assert_eq(order_log_oldest_us(order_log), 0);
}

Test(order_log, is_ready_and_weak_on_one_broker)
{
    cr_assert_null(order_log_weakness(order_log));
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    cr_assert_not_null(order_log_weakness(order_log));
    order_log_inject_fatal(order_log);
}
