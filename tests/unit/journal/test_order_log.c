#include "journal/order_log.h"

#include <criterion/criterion.h>
#include <string.h>

#include "loop/loop.h"
#include "support/order_made.h"
#include "support/run_until.h"
#include "unit/journal/mock_kafka.h"
#include "unit/journal/told.h"

enum { WAIT_MS = 30000 };

static struct mock_kafka mock;
static struct loop *loop;
static struct order_log *order_log;
static struct told told;

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

static bool is_ready(void *arg)
{
    const char *why;

    (void)arg;
    return order_log_is_ready(order_log, &why);
}

Test(order_log, a_record_that_breaks_its_bounds_is_refused_at_the_door)
{
    struct order_record record = order_made(1);

    record.quantity = 0;
    cr_assert_eq(order_log_append(order_log, &record, told_on_done, &told), ERR_RANGE);
    cr_assert_eq(order_log_inflight_count(order_log), 0);
}

Test(order_log, tells_of_each_record_once)
{
    struct order_record record = order_made(1);

    cr_assert_eq(order_log_append(order_log, &record, told_on_done, &told), ERR_OK);
    cr_assert_eq(order_log_inflight_count(order_log), 1);
    cr_assert(order_log_oldest_us(order_log) > 0);
    order_log_flush_soon(order_log);
    told_wait(&told, loop, 1);
    cr_assert_eq(told.last, ERR_OK);
    cr_assert_eq(order_log_oldest_us(order_log), 0);
}

Test(order_log, is_ready_and_weak_on_one_broker)
{
    cr_assert_null(order_log_weakness(order_log));
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    cr_assert_not_null(order_log_weakness(order_log));
    order_log_inject_fatal(order_log);
}
