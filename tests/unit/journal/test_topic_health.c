#include "journal/topic_health.h"

#include <criterion/criterion.h>
#include <string.h>

enum { TIMEOUT_MS = 5000 };
static const int64_t now_us = 70000000, doubt_us = INT64_C(3000) * TIMEOUT_MS;

static struct topic_health health;
static const struct topic_check good = {.status = ERR_OK, .weakness = "1 replica(s)"};
static const struct topic_check silent = {.status = ERR_UNAVAILABLE, .why = "no broker answers"};
static const struct topic_check missing = {.status = ERR_NOT_FOUND, .why = "topic x is missing"};

static bool is_ready(void)
{
    const char *why;

    return topic_health_is_ready(&health, &why);
}

static void assert_why(const char *expected)
{
    const char *why = "ready";

    cr_assert_not(topic_health_is_ready(&health, &why));
    cr_assert_str_eq(why, expected);
}

static void begin(void)
{
    topic_health_init(&health, TIMEOUT_MS);
}

TestSuite(topic_health, .init = begin);

Test(topic_health, is_not_ready_before_the_first_answer)
{
    assert_why("Kafka has not answered yet");
    topic_health_checked(&health, &silent);
    assert_why("no broker answers");
    cr_assert_null(topic_health_weakness(&health));
}

Test(topic_health, a_missing_topic_counts_at_once)
{
    topic_health_checked(&health, &good);
    topic_health_reported(&health, true, now_us);
    topic_health_checked(&health, &missing);
    assert_why("topic x is missing");
}

/* What a broker was too slow to tell is neither mended nor broken; a new topic is another one. */
Test(topic_health, settings_that_were_not_read_are_as_they_were)
{
    const struct topic_check strong = {.replica_count = 3, .has_settings = true};
    const struct topic_check refusing = {
        .status = ERR_CONFIG, .why = "compact", .replica_count = 3, .has_settings = true};
    const struct topic_check unread = {.replica_count = 3, .weakness = "unread"};
    const struct topic_check fewer = {.replica_count = 2, .weakness = "2 replicas, unread"};

    topic_health_checked(&health, &unread);
    cr_assert_str_eq(topic_health_weakness(&health), "unread");
    topic_health_checked(&health, &strong);
    topic_health_checked(&health, &unread);
    cr_assert_null(topic_health_weakness(&health));
    topic_health_checked(&health, &silent);
    topic_health_checked(&health, &silent);
    topic_health_checked(&health, &unread);
    cr_assert_null(topic_health_weakness(&health));
    topic_health_checked(&health, &fewer);
    cr_assert_str_eq(topic_health_weakness(&health), "2 replicas, unread");
    topic_health_checked(&health, &refusing);
    topic_health_checked(&health, &unread);
    assert_why("compact");
    topic_health_checked(&health, &missing);
    topic_health_checked(&health, &unread);
    cr_assert_str_eq(topic_health_weakness(&health), "unread");
}

Test(topic_health, silence_counts_the_second_time)
{
    topic_health_checked(&health, &good);
    topic_health_checked(&health, &silent);
    cr_assert(is_ready());
    topic_health_checked(&health, &good);
    topic_health_checked(&health, &silent);
    cr_assert(is_ready());
    topic_health_checked(&health, &silent);
    assert_why("no broker answers");
    topic_health_checked(&health, &good);
    cr_assert(is_ready());
}

Test(topic_health, silence_does_not_count_while_records_are_reported)
{
    topic_health_checked(&health, &good);
    for (int i = 0; i < 5; i++) {
        topic_health_reported(&health, true, now_us);
        topic_health_checked(&health, &silent);
        cr_assert(is_ready());
    }
    topic_health_checked(&health, &silent);
    topic_health_checked(&health, &silent);
    cr_assert_not(is_ready());
}

static bool is_doubted(int64_t later_us)
{
    return topic_health_is_doubted(&health, now_us + later_us);
}

Test(topic_health, a_failed_report_is_doubted_until_a_good_one)
{
    cr_assert_not(is_doubted(0));
    topic_health_checked(&health, &good);
    topic_health_reported(&health, false, now_us);
    cr_assert(is_doubted(0));
    topic_health_checked(&health, &good);
    cr_assert(is_doubted(0), "an answer is no report");
    cr_assert(is_ready(), "who does not try never knows");
    topic_health_reported(&health, true, now_us);
    cr_assert_not(is_doubted(0));
}

Test(topic_health, a_doubt_ends_three_timeouts_after_the_last_failure)
{
    topic_health_checked(&health, &good);
    topic_health_reported(&health, false, now_us);
    cr_assert(is_doubted(doubt_us - 1));
    cr_assert_not(is_doubted(doubt_us), "nobody tried, or he would have failed");
    topic_health_reported(&health, false, now_us + TIMEOUT_MS * INT64_C(1000));
    cr_assert(is_doubted(doubt_us), "a log that still refuses renews it");
    cr_assert(is_doubted(doubt_us + TIMEOUT_MS * INT64_C(1000) - 1));
    cr_assert_not(is_doubted(doubt_us + TIMEOUT_MS * INT64_C(1000)));
}

Test(topic_health, lost_brokers_count_at_once_until_one_is_heard_of)
{
    topic_health_checked(&health, &good);
    topic_health_lost(&health);
    assert_why("no Kafka broker can be reached");
    topic_health_checked(&health, &silent);
    cr_assert_not(is_ready());
    topic_health_checked(&health, &good);
    cr_assert(is_ready());
    topic_health_lost(&health);
    topic_health_reported(&health, true, now_us);
    cr_assert(is_ready());
    cr_assert_str_eq(topic_health_weakness(&health), "1 replica(s)");
}
