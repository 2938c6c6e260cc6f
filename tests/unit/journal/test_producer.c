#include "journal/producer.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "common/metrics.h"
#include "journal/topic_health.h"
#include "loop/loop.h"
#include "support/run_until.h"
#include "unit/journal/mock_kafka.h"

enum { WAIT_MS = 30000, CALLS_MAX = 16 };

static struct mock_kafka mock;
static struct loop *loop;
static struct metrics *metrics;
static struct producer *producer;
static struct producer_options options;

/* What came back, by the number given as `arg`. */
static struct {
    int count;
    enum err status;
} calls[CALLS_MAX];
static int call_count;

static void begin(void)
{
    mock_kafka_init(&mock);
    loop = loop_create(&(struct loop_options){.name = "test"});
    metrics = metrics_create();
    cr_assert(loop && metrics);
    options = (struct producer_options){
        .loop = loop,
        .brokers = mock.brokers,
        .topic = "orders",
        .client_name = "test",
        .linger_ms = 0,
        .message_timeout_ms = 15000,
        .records_max = 8,
        .shard = metrics_shard(metrics),
    };
}

static void end(void)
{
    producer_destroy(producer);
    loop_destroy(loop);
    metrics_destroy(metrics);
    mock_kafka_finish(&mock);
}

TestSuite(producer, .init = begin, .fini = end, .timeout = 60);

static void create(void)
{
    producer = producer_create(&options);
    cr_assert_not_null(producer);
}

static void on_done(void *arg, enum err status)
{
    size_t n = (size_t)(uintptr_t)arg;

    calls[n].count++;
    calls[n].status = status;
    call_count++;
}

static enum err append(size_t n)
{
    return producer_append(producer, NULL, 0, "record", 6, on_done, (void *)(uintptr_t)n);
}

static bool has_calls(void *arg)
{
    return call_count >= *(int *)arg;
}

static void wait_for_calls(int count)
{
    cr_assert(run_until(loop, has_calls, &count, WAIT_MS), "%d calls of %d", call_count, count);
}

static bool is_ready(void *arg)
{
    const char *why;

    (void)arg;
    return producer_is_ready(producer, &why);
}

static bool is_not_ready(void *arg)
{
    const char *why = NULL;

    return !producer_is_ready(producer, &why) && strstr(why, arg) != NULL;
}

static int64_t counted(enum metric metric)
{
    return metrics_value(metrics, metric, 0);
}

Test(producer, a_setting_that_librdkafka_refuses_makes_no_producer)
{
    options.linger_ms = 900001;
    cr_assert_null(producer_create(&options));
}

Test(producer, a_broker_that_never_answers_is_surely_not)
{
    mock_kafka_down(&mock);
    options.message_timeout_ms = 1000;
    create();
    cr_assert_eq(append(0), ERR_OK);
    wait_for_calls(1);
    cr_assert_eq(calls[0].status, ERR_REFUSED);
    cr_assert_eq(counted(METRIC_kafka_failed_total), 1);
}

Test(producer, a_lost_answer_may_or_may_not_be_in_the_log)
{
    options.message_timeout_ms = 1000;
    create();
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    mock_kafka_delay(&mock, 4000);
    cr_assert_eq(append(0), ERR_OK);
    wait_for_calls(1);
    cr_assert_eq(calls[0].status, ERR_LOST);
}

Test(producer, a_refusal_of_the_broker_may_be_in_the_log)
{
    create();
    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    cr_assert_eq(append(0), ERR_OK);
    wait_for_calls(1);
    cr_assert_eq(calls[0].status, ERR_LOST);
}

Test(producer, is_doubted_from_a_failed_report_to_a_good_one)
{
    create();
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    cr_assert_not(producer_is_doubted(producer));
    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    cr_assert_eq(append(0), ERR_OK);
    wait_for_calls(1);
    cr_assert(producer_is_doubted(producer) && is_ready(NULL));
    cr_assert_eq(append(1), ERR_OK);
    wait_for_calls(2);
    cr_assert_not(producer_is_doubted(producer));
}

static bool is_not_doubted(void *arg)
{
    (void)arg;
    return !producer_is_doubted(producer);
}

/* Too few replicas: it answers, and takes nothing (FK3). */
Test(producer, a_broker_that_takes_nothing_is_ready_and_doubted)
{
    options.message_timeout_ms = 1000;
    create();
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 1000);
    cr_assert_eq(append(0), ERR_OK);
    wait_for_calls(1);
    cr_assert_neq(calls[0].status, ERR_OK);
    cr_assert(producer_is_doubted(producer));
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    cr_assert(producer_is_doubted(producer));
    cr_assert(run_until(loop, is_not_doubted, NULL, WAIT_MS), "nobody tries: it ends by itself");
}

Test(producer, passing_errors_are_retried)
{
    create();
    mock_kafka_fail_produce(&mock, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2);
    cr_assert_eq(append(0), ERR_OK);
    wait_for_calls(1);
    cr_assert_eq(calls[0].status, ERR_OK);
    cr_assert_eq(counted(METRIC_kafka_failed_total), 0);
}

Test(producer, over_its_bound_it_is_busy)
{
    options.linger_ms = 50;
    options.records_max = 2;
    create();
    cr_assert_eq(append(0), ERR_OK);
    cr_assert_eq(append(1), ERR_OK);
    cr_assert_eq(append(2), ERR_BUSY);
    cr_assert_eq(producer_inflight_count(producer), 2);
    wait_for_calls(2);
    cr_assert_eq(calls[2].count, 0);
    cr_assert_eq(append(2), ERR_OK);
    wait_for_calls(3);
}

Test(producer, a_record_that_is_too_large_is_refused_at_the_door)
{
    char *large = calloc(1, 2000000);

    create();
    cr_assert_eq(producer_append(producer, NULL, 0, large, 2000000, on_done, NULL), ERR_RANGE);
    cr_assert_eq(producer_inflight_count(producer), 0);
    free(large);
}

static bool has_renewed(void *arg)
{
    (void)arg;
    return is_ready(NULL) && counted(METRIC_kafka_fatal_total) == 1;
}

/* FK5: those under way are told, and the producer is ready again without being asked. */
Test(producer, a_fatal_error_makes_it_anew)
{
    options.linger_ms = 100;
    create();
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    mock_kafka_delay(&mock, 500);
    cr_assert_eq(append(0), ERR_OK);
    cr_assert_eq(append(1), ERR_OK);
    producer_inject_fatal(producer);
    wait_for_calls(2);
    /* What was not sent yet is refused, what was is lost; neither is in the log for sure. */
    cr_assert(calls[0].count == 1 && calls[0].status != ERR_OK);
    cr_assert(calls[1].count == 1 && calls[1].status != ERR_OK);
    mock_kafka_delay(&mock, 0);
    cr_assert(run_until(loop, has_renewed, NULL, 15000));
    cr_assert_eq(append(2), ERR_OK);
    wait_for_calls(3);
    cr_assert_eq(calls[2].status, ERR_OK);
    cr_assert(calls[0].count == 1 && calls[1].count == 1, "told once");
}

static bool has_died(void *arg)
{
    return is_ready(NULL) && counted(METRIC_kafka_fatal_total) == *(int *)arg;
}

Test(producer, dies_and_lives_again_and_again)
{
    create();
    for (int round = 1; round <= 3; round++) {
        producer_inject_fatal(producer);
        cr_assert(run_until(loop, has_died, &round, WAIT_MS));
        cr_assert_eq(append(0), ERR_OK);
        wait_for_calls(round);
        cr_assert_eq(calls[0].status, ERR_OK);
    }
}

static void append_again(void *arg, enum err status)
{
    on_done(arg, status);
    if (call_count < 5) {
        cr_assert_eq(producer_append(producer, NULL, 0, "again", 5, append_again, arg), ERR_OK);
    }
}

Test(producer, a_callback_may_append)
{
    options.records_max = 1;
    create();
    cr_assert_eq(producer_append(producer, NULL, 0, "first", 5, append_again, NULL), ERR_OK);
    wait_for_calls(5);
    cr_assert_eq(calls[0].status, ERR_OK);
}

Test(producer, its_end_tells_those_that_wait)
{
    options.linger_ms = 10000;
    options.message_timeout_ms = 20000;
    create();
    cr_assert_eq(append(0), ERR_OK);
    producer_destroy(producer);
    producer = NULL;
    cr_assert(calls[0].count == 1 && calls[0].status == ERR_LOST, "%d %d", calls[0].count,
              calls[0].status);
}

Test(producer, a_flush_does_not_wait_for_linger)
{
    options.linger_ms = 10000;
    options.message_timeout_ms = 20000;
    create();
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    cr_assert_eq(append(0), ERR_OK);
    producer_flush_soon(producer);
    wait_for_calls(1);
    cr_assert_eq(calls[0].status, ERR_OK);
}

Test(producer, says_why_it_is_not_ready)
{
    const char *why = NULL;

    options.topic = "missing";
    mock_kafka_down(&mock);
    create();
    cr_assert_not(producer_is_ready(producer, &why));
    cr_assert_str_eq(why, "Kafka has not answered yet");
    cr_assert(run_until(loop, is_not_ready, (void *)(uintptr_t) "broker", WAIT_MS));
    cr_assert_null(topic_health_weakness(producer_health(producer)));
}

Test(producer, is_ready_again_when_the_broker_is)
{
    create();
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
    mock_kafka_down(&mock);
    cr_assert(run_until(loop, is_not_ready, (void *)(uintptr_t) "broker", WAIT_MS));
    mock_kafka_up(&mock);
    cr_assert(run_until(loop, is_ready, NULL, WAIT_MS));
}

Test(producer, reports_each_record_once_in_a_later_turn)
{
    options.linger_ms = 5;
    create();
    cr_assert_eq(producer_oldest_us(producer), 0);
    for (size_t n = 0; n < 8; n++) {
        cr_assert_eq(append(n), ERR_OK);
    }
    cr_assert_eq(call_count, 0);
    cr_assert_eq(producer_inflight_count(producer), 8);
    cr_assert(producer_oldest_us(producer) > 0);
    wait_for_calls(8);
    for (size_t n = 0; n < 8; n++) {
        cr_assert(calls[n].count == 1 && calls[n].status == ERR_OK, "record %zu", n);
    }
    cr_assert_eq(producer_inflight_count(producer), 0);
    cr_assert_eq(producer_oldest_us(producer), 0);
}
