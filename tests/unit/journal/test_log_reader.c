#include "journal/log_reader.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/journal/mock_kafka.h"

static struct mock_kafka mock;
static char seen[2][128];
static char error[LOG_READER_TEXT_SIZE];
static uint64_t count;
static int put_while_reading; /* this many records are added by the first callback */

static void begin(void)
{
    mock_kafka_init(&mock);
}

static void end(void)
{
    mock_kafka_finish(&mock);
}

TestSuite(log_reader, .init = begin, .fini = end, .timeout = 60);

static enum err on_record(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t payload_size)
{
    char *list = seen[partition];

    for (; put_while_reading > 0; put_while_reading--) {
        mock_kafka_put(&mock, 0, "late");
        mock_kafka_put(&mock, 1, "late");
    }
    (void)snprintf(list + strlen(list), sizeof seen[0] - strlen(list), "%lu%.*s ", offset,
                   (int)payload_size, (const char *)payload);
    return arg ? *(enum err *)arg : ERR_OK;
}

static enum err run(const uint64_t *from, uint32_t from_count, uint32_t timeout_ms, void *arg)
{
    return log_reader_run(&(struct log_reader_options){.brokers = mock.brokers,
                                                       .topic = "orders",
                                                       .from = from,
                                                       .from_count = from_count,
                                                       .timeout_ms = timeout_ms},
                          on_record, arg, error, &count);
}

Test(log_reader, says_that_no_broker_answers)
{
    mock_kafka_down(&mock);
    cr_assert_eq(run(NULL, 0, 500, NULL), ERR_UNAVAILABLE);
    cr_assert(strstr(error, "orders") != NULL, "%s", error);
}

Test(log_reader, a_place_that_the_log_does_not_hold_is_an_error)
{
    const uint64_t from[] = {2, 0};

    mock_kafka_put(&mock, 0, "a");
    cr_assert_eq(run(from, 2, 20000, NULL), ERR_RANGE);
    cr_assert_str_eq(error, "partition 0 holds 0 to 1, asked for was 2");
}

Test(log_reader, an_error_of_its_owner_ends_it)
{
    enum err err = ERR_CONFLICT;

    mock_kafka_put(&mock, 0, "a");
    mock_kafka_put(&mock, 0, "b");
    cr_assert_eq(run(NULL, 0, 20000, &err), ERR_CONFLICT);
    cr_assert_eq(count, 0);
    cr_assert_str_eq(seen[0], "0a ");
}

Test(log_reader, an_empty_topic_has_an_end)
{
    cr_assert_eq(run(NULL, 0, 20000, NULL), ERR_OK, "%s", error);
    cr_assert_eq(count, 0);
}

Test(log_reader, reads_what_was_there_and_nothing_younger)
{
    mock_kafka_put(&mock, 0, "a");
    mock_kafka_put(&mock, 0, "b");
    mock_kafka_put(&mock, 1, "c");
    put_while_reading = 2;
    cr_assert_eq(run(NULL, 0, 20000, NULL), ERR_OK, "%s", error);
    cr_assert_str_eq(seen[0], "0a 1b ");
    cr_assert_str_eq(seen[1], "0c ");
    cr_assert_eq(count, 3);
}

Test(log_reader, begins_at_the_places_given)
{
    const uint64_t from[] = {1};

    mock_kafka_put(&mock, 0, "a");
    mock_kafka_put(&mock, 0, "b");
    mock_kafka_put(&mock, 1, "c");
    cr_assert_eq(run(from, 1, 20000, NULL), ERR_OK, "%s", error);
    cr_assert_str_eq(seen[0], "1b ");
    cr_assert_str_eq(seen[1], "0c ");
}
