#include "journal/dead_log.h"

#include <criterion/criterion.h>
#include <string.h>

#include "journal/producer_blocking.h"
#include "loop/waiter.h"
#include "unit/journal/mock_kafka.h"

static struct mock_kafka mock;
static struct producer_blocking *producer;
static struct waiter *waiter;

static void begin(void)
{
    mock_kafka_init(&mock);
    waiter = waiter_create();
    cr_assert(waiter);
    producer = mock_kafka_blocking(&mock, waiter);
}

static void end(void)
{
    producer_blocking_destroy(producer);
    waiter_destroy(waiter);
    mock_kafka_finish(&mock);
}

TestSuite(dead_log, .init = begin, .fini = end, .timeout = 60);

Test(dead_log, what_is_too_large_for_a_broker_is_told_without_its_bytes)
{
    struct producer_report reports[PRODUCER_BLOCKING_BATCH_MAX];
    const struct dead_log_letter letter = {.id = 5,
                                           .topic = "seckill.orders",
                                           .part = 3,
                                           .offset = 812,
                                           .sale = 7,
                                           .order_no = 99,
                                           .reason = "unreadable",
                                           .payload = "", /* as the store gives it */
                                           .payload_size = 2 << 20};

    cr_assert_eq(dead_log_put(producer, &letter), ERR_OK);
    cr_assert_eq(producer_blocking_wait(producer, 20000, reports), 1);
    cr_assert(reports[0].id == 5 && reports[0].status == ERR_OK);
}
