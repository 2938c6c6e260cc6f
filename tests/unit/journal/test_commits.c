#include "journal/commits.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>

#include "common/clock.h"
#include "unit/journal/mock_kafka.h"

static const int64_t DEADLINE_US = 30000000;

static struct mock_kafka mock;
static struct commits commits;
static rd_kafka_t *member;

static void begin(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[128];

    mock_kafka_init(&mock);
    cr_assert_eq(rd_kafka_conf_set(conf, "bootstrap.servers", mock.brokers, text, sizeof text),
                 RD_KAFKA_CONF_OK);
    cr_assert_eq(rd_kafka_conf_set(conf, "group.id", "tellers", text, sizeof text),
                 RD_KAFKA_CONF_OK);
    member = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    cr_assert_not_null(member, "%s", text);
    commits_init(&commits);
}

static void end(void)
{
    rd_kafka_destroy(member);
    mock_kafka_finish(&mock);
}

TestSuite(commits, .init = begin, .fini = end, .timeout = 90);

static void wait_for(int32_t partition, int64_t place)
{
    const int64_t until_us = clock_mono_us() + DEADLINE_US;

    while (mock_kafka_committed(&mock, "tellers", partition) != place) {
        cr_assert(clock_mono_us() < until_us, "partition %d", partition);
    }
}

Test(commits, a_partition_out_of_range_is_a_bug, .signal = SIGABRT)
{
    commits_put(&commits, CONSUMER_PARTITIONS_MAX, 0);
}

Test(commits, nothing_due_starts_no_second)
{
    commits_send(&commits, member, "orders");
    commits_send_in_time(&commits, member, "orders");
    cr_assert_eq(commits.not_before_us, 0);
}

Test(commits, the_last_place_of_each_partition_is_told)
{
    commits_put(&commits, 0, 3);
    commits_put(&commits, 1, 8);
    commits_put(&commits, 0, 5);
    cr_assert_eq(commits.count, 2);
    commits_send(&commits, member, "orders");
    cr_assert_eq(commits.count, 0);
    wait_for(0, 5);
    wait_for(1, 8);
}

Test(commits, once_a_second)
{
    const int64_t begun_us = clock_mono_us();

    commits_put(&commits, 0, 3);
    commits_send_in_time(&commits, member, "orders");
    cr_assert_eq(commits.count, 0, "the first at once");
    cr_assert(commits.not_before_us >= begun_us + 1000000);
    commits.not_before_us = INT64_MAX;
    commits_put(&commits, 0, 4);
    commits_send_in_time(&commits, member, "orders");
    cr_assert_eq(commits.count, 1, "kept");
    commits.not_before_us = clock_mono_us();
    commits_send_in_time(&commits, member, "orders");
    cr_assert_eq(commits.count, 0);
    wait_for(0, 4);
}

Test(commits, what_is_forgotten_is_not_told)
{
    commits_put(&commits, 0, 3);
    commits_forget(&commits);
    commits_put(&commits, 1, 8);
    commits_send(&commits, member, "orders");
    wait_for(1, 8);
    cr_assert_eq(mock_kafka_committed(&mock, "tellers", 0), -1);
}
