#include "journal/log_ends.h"

#include <criterion/criterion.h>

#include "unit/journal/mock_kafka.h"

enum { WAIT_MS = 20000 };

static struct mock_kafka mock;
static struct log_ends *ends;
static struct topic_bounds bounds;
static char error[KAFKA_CONF_ERROR_SIZE];

static void begin(void)
{
    mock_kafka_init(&mock);
    cr_assert_eq(
        log_ends_create(&(struct log_ends_options){.brokers = mock.brokers, .client_name = "test"},
                        error, &ends),
        ERR_OK, "%s", error);
}

static void end(void)
{
    log_ends_destroy(ends);
    log_ends_destroy(NULL);
    mock_kafka_finish(&mock);
}

TestSuite(log_ends, .init = begin, .fini = end, .timeout = 60);

Test(log_ends, without_a_broker_nothing_is_told)
{
    mock_kafka_down(&mock);
    cr_assert_neq(log_ends_read(ends, "orders", 300, &bounds), ERR_OK);
}

Test(log_ends, a_broker_that_comes_back_is_asked_again)
{
    mock_kafka_put(&mock, 0, "a");
    cr_assert_eq(log_ends_read(ends, "orders", WAIT_MS, &bounds), ERR_OK);
    mock_kafka_down(&mock);
    cr_assert_neq(log_ends_read(ends, "orders", 300, &bounds), ERR_OK);
    mock_kafka_up(&mock);
    mock_kafka_put(&mock, 0, "b");
    cr_assert_eq(log_ends_read(ends, "orders", WAIT_MS, &bounds), ERR_OK);
    cr_assert_eq(bounds.end[0], 2);
    cr_assert_eq(bounds.end[1], 0);
}
