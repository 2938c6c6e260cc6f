#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "codec/order_event.h"
#include "common/clock.h"
#include "integration/journal/kafka_fixture.h"
#include "journal/log_reader.h"
#include "journal/order_log.h"
#include "journal/order_log_blocking.h"
#include "loop/loop.h"
#include "support/order_made.h"
#include "support/run_until.h"

enum { RECORDS = 2000 };

static struct kafka_fixture fixture;
static struct loop *loop;
static struct order_log *order_log;
static uint32_t told, told_ok;
static bool found[RECORDS + 1];
static char error[LOG_READER_TEXT_SIZE];

static void begin(void)
{
    kafka_fixture_init(&fixture, "order_log");
    loop = loop_create(&(struct loop_options){.name = "test"});
    order_log = order_log_create(&(struct order_log_options){.loop = loop,
                                                             .brokers = fixture.brokers,
                                                             .topic = fixture.topic,
                                                             .client_name = "test",
                                                             .linger_ms = 2,
                                                             .message_timeout_ms = 5000,
                                                             .records_max = RECORDS});
    cr_assert_not_null(order_log);
}

static void end(void)
{
    order_log_destroy(order_log);
    loop_destroy(loop);
    kafka_fixture_finish(&fixture);
}

TestSuite(order_log_real, .init = begin, .fini = end, .timeout = 120);

static bool is_ready(void *arg)
{
    const char *why;

    (void)arg;
    return order_log_is_ready(order_log, &why);
}

static bool says(void *arg)
{
    const char *why = "";

    return !order_log_is_ready(order_log, &why) && strstr(why, arg) != NULL;
}

static void on_done(void *arg, enum err status)
{
    (void)arg;
    told++;
    told_ok += status == ERR_OK ? 1 : 0;
}

static bool all_told(void *arg)
{
    return told == *(uint32_t *)arg;
}

static void append_all(uint32_t from, uint32_t to)
{
    for (uint32_t seq = from; seq <= to; seq++) {
        struct order_record record = order_made(seq);

        cr_assert_eq(order_log_append(order_log, &record, on_done, NULL), ERR_OK);
    }
}

static enum err on_record(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t payload_size)
{
    struct order_record record;

    (void)arg;
    (void)partition;
    (void)offset;
    cr_assert_eq(order_event_read(payload, payload_size, &record, NULL), RECORD_FAULT_NONE);
    found[order_no_seq(record.order_no)] = true;
    return ERR_OK;
}

static uint64_t read_all(void)
{
    uint64_t count = 0;

    cr_assert_eq(log_reader_run(&(struct log_reader_options){.brokers = fixture.brokers,
                                                             .topic = fixture.topic,
                                                             .timeout_ms = FIXTURE_WAIT_MS},
                                on_record, NULL, error, &count),
                 ERR_OK, "%s", error);
    return count;
}

/* FK7: nothing creates the topic by asking for it. */
Test(order_log_real, a_missing_topic_is_not_ready_until_it_is_made)
{
    cr_assert(run_until(loop, says, (void *)(uintptr_t) "does not exist", FIXTURE_WAIT_MS));
    kafka_fixture_create(&fixture, 2, NULL, NULL);
    cr_assert(run_until(loop, is_ready, NULL, FIXTURE_WAIT_MS));
}

Test(order_log_real, a_topic_that_forgets_is_weak)
{
    kafka_fixture_create(&fixture, 1, "retention.ms", "3600000");
    cr_assert(run_until(loop, is_ready, NULL, FIXTURE_WAIT_MS));
    cr_assert_not_null(order_log_weakness(order_log));
    cr_assert(strstr(order_log_weakness(order_log), "retention.ms is 3600000, -1 is wanted"), "%s",
              order_log_weakness(order_log));
    cr_assert(strstr(order_log_weakness(order_log), "1 replica(s), 3 are wanted"));
    cr_assert(strstr(order_log_weakness(order_log), "min.insync.replicas is 1, 2 are wanted"));
}

/* FK11: said before the first purchase, not by a refused record. */
Test(order_log_real, a_topic_that_takes_only_small_records_is_not_ready)
{
    kafka_fixture_create(&fixture, 1, "max.message.bytes", "999999");
    cr_assert(
        run_until(loop, says, (void *)(uintptr_t) "max.message.bytes is 999999", FIXTURE_WAIT_MS));
}

Test(order_log_real, a_topic_that_takes_no_record_without_a_key_is_not_ready)
{
    kafka_fixture_create(&fixture, 1, "cleanup.policy", "compact");
    cr_assert(
        run_until(loop, says, (void *)(uintptr_t) "cleanup.policy is compact", FIXTURE_WAIT_MS));
}

Test(order_log_real, what_is_told_is_in_the_log)
{
    uint32_t wanted = RECORDS;

    kafka_fixture_create(&fixture, 4, NULL, NULL);
    cr_assert(run_until(loop, is_ready, NULL, FIXTURE_WAIT_MS));
    append_all(1, RECORDS);
    cr_assert(run_until(loop, all_told, &wanted, FIXTURE_WAIT_MS));
    cr_assert_eq(told_ok, RECORDS);
    cr_assert_eq(read_all(), RECORDS);
    for (int seq = 1; seq <= RECORDS; seq++) {
        cr_assert(found[seq], "seq %d", seq);
    }
}

/* FK5: ready again soon (two seconds, by the promise; three times as much on a busy machine), and
 * whatever was not told can be produced again. */
Test(order_log_real, a_producer_that_died_is_ready_again_soon)
{
    uint32_t wanted = 100;
    int64_t begin_us;

    kafka_fixture_create(&fixture, 2, NULL, NULL);
    cr_assert(run_until(loop, is_ready, NULL, FIXTURE_WAIT_MS));
    append_all(1, 100);
    order_log_inject_fatal(order_log);
    begin_us = clock_mono_us();
    cr_assert(run_until(loop, all_told, &wanted, FIXTURE_WAIT_MS));
    cr_assert(run_until(loop, is_ready, NULL, FIXTURE_WAIT_MS));
    cr_assert(clock_mono_us() - begin_us < 6000000, "%ld us", clock_mono_us() - begin_us);
    append_all(1, 100);
    wanted = 200;
    cr_assert(run_until(loop, all_told, &wanted, FIXTURE_WAIT_MS));
    cr_assert_geq(told_ok, 100);
    cr_assert_geq(read_all(), 100);
    for (int seq = 1; seq <= 100; seq++) {
        cr_assert(found[seq], "seq %d", seq);
    }
}

Test(order_log_real, the_blocking_log_waits_for_all)
{
    struct order_record records[300];
    uint64_t ends[LOG_PARTITIONS_MAX];
    uint32_t count = 0;
    struct order_log_blocking *blocking = NULL;

    kafka_fixture_create(&fixture, 3, NULL, NULL);
    for (uint32_t i = 0; i < 300; i++) {
        records[i] = order_made(i + 1);
    }
    cr_assert_eq(
        order_log_blocking_create(&(struct order_log_blocking_options){.brokers = fixture.brokers,
                                                                       .topic = fixture.topic,
                                                                       .client_name = "guard"},
                                  &blocking),
        ERR_OK);
    cr_assert_eq(order_log_blocking_append(blocking, records, 300, FIXTURE_WAIT_MS, NULL), ERR_OK);
    cr_assert_eq(order_log_blocking_ends(blocking, FIXTURE_WAIT_MS, ends, &count), ERR_OK);
    cr_assert(count == 3 && ends[0] + ends[1] + ends[2] == 300);
    cr_assert_eq(read_all(), 300);
    order_log_blocking_destroy(blocking);
}
