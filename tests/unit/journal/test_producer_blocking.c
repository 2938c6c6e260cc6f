#include "journal/producer_blocking.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "loop/waiter.h"
#include "unit/journal/mock_kafka.h"

static struct mock_kafka mock;
static struct producer_blocking *producer;
static struct waiter *waiter;
static struct producer_report reports[PRODUCER_BLOCKING_BATCH_MAX];

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
    producer_blocking_destroy(NULL);
    waiter_destroy(waiter);
    mock_kafka_finish(&mock);
}

TestSuite(producer_blocking, .init = begin, .fini = end, .timeout = 60);

static enum err put(uint64_t id)
{
    static const struct producer_header headers[] = {{"content-type", "text/plain"}};
    const struct producer_record record = {.id = id,
                                           .key = "key",
                                           .key_size = 3,
                                           .value = "bytes",
                                           .value_size = 5,
                                           .headers = headers,
                                           .header_count = 1};

    return producer_blocking_put(producer, &record);
}

static size_t wait_for_reports(void)
{
    return producer_blocking_wait(producer, 20000, reports);
}

Test(producer_blocking, what_is_reported_is_in_the_topic)
{
    cr_assert(put(7) == ERR_OK && wait_for_reports() == 1);
    cr_assert(reports[0].id == 7 && reports[0].status == ERR_OK);
    cr_assert_str_empty(producer_blocking_trouble(producer));
    cr_assert_eq(wait_for_reports(), 0, "a report comes once");
}

Test(producer_blocking, a_record_that_is_refused_is_told_apart_from_a_topic_that_fails)
{
    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    cr_assert(put(1) == ERR_OK && wait_for_reports() == 1);
    cr_assert(reports[0].id == 1 && reports[0].status == ERR_RANGE);
    cr_assert(strlen(producer_blocking_trouble(producer)) > 0);
    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, 1);
    cr_assert(put(1) == ERR_OK && wait_for_reports() == 1);
    cr_assert(reports[0].id == 1 && reports[0].status == ERR_LOST);
    cr_assert(put(1) == ERR_OK && wait_for_reports() == 1);
    cr_assert_eq(reports[0].status, ERR_OK);
    cr_assert_str_empty(producer_blocking_trouble(producer));
}

Test(producer_blocking, what_no_broker_takes_is_refused_at_once)
{
    static char bytes[1100000];
    const struct producer_record record = {.id = 1, .value = bytes, .value_size = sizeof bytes};

    cr_assert_eq(producer_blocking_put(producer, &record), ERR_RANGE);
    cr_assert(strlen(producer_blocking_trouble(producer)) > 0);
    cr_assert_eq(wait_for_reports(), 0);
}

Test(producer_blocking, a_stop_and_the_deadline_end_the_wait)
{
    mock_kafka_down(&mock);
    cr_assert_eq(put(1), ERR_OK);
    cr_assert_eq(producer_blocking_wait(producer, 100, reports), 0);
    waiter_stop(waiter);
    cr_assert_eq(producer_blocking_wait(producer, 600000, reports), 0, "without waiting");
}

Test(producer_blocking, a_late_report_comes_with_a_later_wait)
{
    mock_kafka_delay(&mock, 500);
    cr_assert_eq(put(1), ERR_OK);
    cr_assert_eq(producer_blocking_wait(producer, 1, reports), 0);
    cr_assert(wait_for_reports() == 1 && reports[0].id == 1 && reports[0].status == ERR_OK);
}

Test(producer_blocking, no_more_than_a_batch_waits)
{
    for (uint64_t id = 1; id <= PRODUCER_BLOCKING_BATCH_MAX; id++) {
        cr_assert_eq(put(id), ERR_OK);
    }
    cr_assert_eq(put(999), ERR_BUSY);
    cr_assert_eq(wait_for_reports(), PRODUCER_BLOCKING_BATCH_MAX);
    cr_assert_eq(put(999), ERR_OK);
    cr_assert(wait_for_reports() == 1 && reports[0].id == 999);
}

Test(producer_blocking, a_dead_handle_is_made_anew)
{
    mock_kafka_down(&mock);
    cr_assert_eq(put(1), ERR_OK);
    producer_blocking_inject_fatal(producer);
    cr_assert_eq(wait_for_reports(), 0, "of a dead handle nothing comes");
    cr_assert(strlen(producer_blocking_trouble(producer)) > 0);
    mock_kafka_up(&mock);
    cr_assert(put(1) == ERR_OK && wait_for_reports() == 1);
    cr_assert(reports[0].id == 1 && reports[0].status == ERR_OK);
}
