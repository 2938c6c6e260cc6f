#include "journal/dead_log.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "loop/waiter.h"
#include "unit/journal/mock_kafka.h"

static struct mock_kafka mock;
static struct dead_log *dead_log;
static struct waiter *waiter;
static uint64_t ids[DEAD_LOG_BATCH_MAX];

static void begin(void)
{
    char error[KAFKA_CONF_ERROR_SIZE];

    mock_kafka_init(&mock);
    waiter = waiter_create();
    cr_assert(waiter);
    cr_assert_eq(dead_log_create(&(struct dead_log_options){.brokers = mock.brokers,
                                                            .topic = "orders",
                                                            .client_name = "test",
                                                            .waiter = waiter},
                                 error, &dead_log),
                 ERR_OK);
}

static void end(void)
{
    dead_log_destroy(dead_log);
    dead_log_destroy(NULL);
    waiter_destroy(waiter);
    mock_kafka_finish(&mock);
}

TestSuite(dead_log, .init = begin, .fini = end, .timeout = 60);

static struct dead_log_letter numbered(uint64_t id)
{
    return (struct dead_log_letter){.id = id,
                                    .topic = "seckill.orders",
                                    .part = 3,
                                    .offset = 812,
                                    .sale = 7,
                                    .order_no = 99,
                                    .reason = "unreadable",
                                    .payload = "bytes",
                                    .payload_size = 5};
}

Test(dead_log, a_failed_report_leaves_the_letter_untold)
{
    const struct dead_log_letter letter = numbered(1);

    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    cr_assert_eq(dead_log_put(dead_log, &letter), ERR_OK);
    cr_assert_eq(dead_log_wait(dead_log, 20000, ids), 0);
    cr_assert(strlen(dead_log_trouble(dead_log)) > 0);
    cr_assert_eq(dead_log_put(dead_log, &letter), ERR_OK);
    cr_assert_eq(dead_log_wait(dead_log, 20000, ids), 1);
    cr_assert_eq(ids[0], 1);
    cr_assert_str_empty(dead_log_trouble(dead_log));
}

Test(dead_log, a_stop_and_the_deadline_end_the_wait)
{
    const struct dead_log_letter letter = numbered(1);

    mock_kafka_down(&mock);
    cr_assert_eq(dead_log_put(dead_log, &letter), ERR_OK);
    cr_assert_eq(dead_log_wait(dead_log, 100, ids), 0);
    waiter_stop(waiter);
    cr_assert_eq(dead_log_wait(dead_log, 600000, ids), 0, "without waiting");
}

Test(dead_log, no_more_than_a_batch_waits)
{
    for (uint64_t id = 1; id <= DEAD_LOG_BATCH_MAX; id++) {
        const struct dead_log_letter letter = numbered(id);
        cr_assert_eq(dead_log_put(dead_log, &letter), ERR_OK);
    }
    const struct dead_log_letter more = numbered(99);
    cr_assert_eq(dead_log_put(dead_log, &more), ERR_BUSY);
    cr_assert_eq(dead_log_wait(dead_log, 20000, ids), DEAD_LOG_BATCH_MAX);
    cr_assert_eq(dead_log_put(dead_log, &more), ERR_OK);
    cr_assert_eq(dead_log_wait(dead_log, 20000, ids), 1);
    cr_assert_eq(ids[0], 99);
}

Test(dead_log, what_is_too_large_for_a_broker_is_told_without_its_bytes)
{
    struct dead_log_letter letter = numbered(1);

    letter.payload = ""; /* as the store gives it */
    letter.payload_size = 2 << 20;
    cr_assert_eq(dead_log_put(dead_log, &letter), ERR_OK);
    cr_assert_eq(dead_log_wait(dead_log, 20000, ids), 1);
}
