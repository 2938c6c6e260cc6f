#include "journal/topic_look.h"

#include <criterion/criterion.h>
#include <string.h>

#include "unit/journal/mock_kafka.h"

enum { WAIT_MS = 20000 };

static struct mock_kafka mock;
static struct topic_look *look;
static struct topic_check check;

static void begin(void)
{
    char error[KAFKA_CONF_ERROR_SIZE];

    mock_kafka_init(&mock);
    cr_assert_eq(topic_look_create(
                     &(struct topic_look_options){.brokers = mock.brokers, .client_name = "test"},
                     error, &look),
                 ERR_OK, "%s", error);
}

static void end(void)
{
    topic_look_destroy(look);
    topic_look_destroy(NULL);
    mock_kafka_finish(&mock);
}

TestSuite(topic_look, .init = begin, .fini = end, .timeout = 60);

Test(topic_look, without_a_broker_it_says_so)
{
    mock_kafka_down(&mock);
    topic_look_at(look, "orders", 300, &check);
    cr_assert_eq(check.status, ERR_UNAVAILABLE);
    cr_assert(strstr(check.why, "no broker answers") != NULL, "%s", check.why);
}

Test(topic_look, a_broker_that_comes_back_is_seen_and_judged)
{
    mock_kafka_down(&mock);
    topic_look_at(look, "orders", 300, &check);
    cr_assert_eq(check.status, ERR_UNAVAILABLE);
    mock_kafka_up(&mock);
    topic_look_at(look, "orders", WAIT_MS, &check);
    cr_assert_eq(check.status, ERR_OK, "%s", check.why);
    cr_assert_eq(check.partition_count, 2);
    cr_assert(strstr(check.weakness, "1 replica(s), 3 are wanted") != NULL, "%s", check.weakness);
}
