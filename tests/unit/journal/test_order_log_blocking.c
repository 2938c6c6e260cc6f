#include "journal/order_log_blocking.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "codec/order_event.h"
#include "journal/log_reader.h"
#include "support/order_made.h"
#include "unit/journal/mock_kafka.h"

static struct mock_kafka mock;
static struct order_log_blocking *order_log;

static void begin(void)
{
    mock_kafka_init(&mock);
    cr_assert_eq(order_log_blocking_create(
                     &(struct order_log_blocking_options){
                         .brokers = mock.brokers, .topic = "orders", .client_name = "test"},
                     &order_log),
                 ERR_OK);
}

static void end(void)
{
    order_log_blocking_destroy(order_log);
    order_log_blocking_destroy(NULL);
    mock_kafka_finish(&mock);
}

TestSuite(order_log_blocking, .init = begin, .fini = end, .timeout = 60);

static uint64_t end_sum(void)
{
    uint64_t ends[LOG_PARTITIONS_MAX], sum = 0;
    uint32_t count = 0;

    cr_assert_eq(order_log_blocking_ends(order_log, 10000, ends, &count), ERR_OK);
    cr_assert_eq(count, 2);
    for (uint32_t i = 0; i < count; i++) {
        sum += ends[i];
    }
    return sum;
}

Test(order_log_blocking, one_bad_record_and_nothing_is_produced)
{
    struct order_record records[2] = {order_made(1), order_made(2)};

    records[1].quantity = 0;
    cr_assert_eq(order_log_blocking_append(order_log, records, 2, 10000, NULL), ERR_RANGE);
    cr_assert_eq(end_sum(), 0);
}

Test(order_log_blocking, gives_up_at_its_deadline_and_may_be_asked_again)
{
    struct order_record record = order_made(1);
    uint64_t ends[LOG_PARTITIONS_MAX];
    uint32_t count = 0;
    bool is_in = true;

    mock_kafka_down(&mock);
    cr_assert_eq(order_log_blocking_append(order_log, &record, 1, 300, &is_in), ERR_TIMEOUT);
    cr_assert_not(is_in);
    cr_assert_neq(order_log_blocking_ends(order_log, 300, ends, &count), ERR_OK);
    mock_kafka_up(&mock);
    /* The report of the first copy must not be taken for that of the second. */
    cr_assert_eq(order_log_blocking_append(order_log, &record, 1, 20000, &is_in), ERR_OK);
    cr_assert(is_in);
    cr_assert_eq(end_sum(), 2);
}

Test(order_log_blocking, a_refusal_is_told)
{
    struct order_record record = order_made(1);
    bool is_in = true;

    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    cr_assert_eq(order_log_blocking_append(order_log, &record, 1, 10000, &is_in), ERR_LOST);
    cr_assert_not(is_in);
}

static enum err on_record(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t payload_size)
{
    struct order_record record;
    bool *found = arg;

    (void)partition;
    (void)offset;
    cr_assert_eq(order_event_read(payload, payload_size, &record, NULL), RECORD_FAULT_NONE);
    found[order_no_seq(record.order_no)] = true;
    return ERR_OK;
}

Test(order_log_blocking, all_are_in_the_log_when_it_says_so)
{
    enum { COUNT = 500 };
    struct order_record *records = calloc(COUNT, sizeof *records);
    bool found[COUNT + 1] = {false};
    char error[LOG_READER_TEXT_SIZE];
    uint64_t count = 0;

    for (uint32_t i = 0; i < COUNT; i++) {
        records[i] = order_made(i + 1);
    }
    cr_assert_eq(order_log_blocking_append(order_log, records, 0, 1000, NULL), ERR_OK);
    cr_assert_eq(order_log_blocking_append(order_log, records, COUNT, 20000, NULL), ERR_OK);
    cr_assert_eq(end_sum(), COUNT);
    cr_assert_eq(log_reader_run(&(struct log_reader_options){.brokers = mock.brokers,
                                                             .topic = "orders",
                                                             .timeout_ms = 20000},
                                on_record, found, error, &count),
                 ERR_OK, "%s", error);
    cr_assert_eq(count, COUNT);
    for (int i = 1; i <= COUNT; i++) {
        cr_assert(found[i], "record %d", i);
    }
    free(records);
}
