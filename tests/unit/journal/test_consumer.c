#include "journal/consumer.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "unit/journal/mock_kafka.h"

enum { DEADLINE_MS = 30000, PARTITIONS = 2, CHANGES = 2000 };

static struct mock_kafka mock;
static struct consumer *consumer;
static char error[CONSUMER_TEXT_SIZE];

/* The owner's side: where each partition begins, and what was heard. */
static uint64_t places[PARTITIONS];
static int refusals; /* how often on_assign still fails */
static int assigned[PARTITIONS], parted[PARTITIONS];
/* Payloads of each partition in the order of delivery. */
static char seen[PARTITIONS][256];
static int seen_count;

static enum err on_assign(void *arg, uint32_t partition, uint64_t *ret_next)
{
    (void)arg;
    if (refusals > 0) {
        refusals--;
        return ERR_UNAVAILABLE;
    }
    assigned[partition]++;
    *ret_next = places[partition];
    return ERR_OK;
}

static void on_part(void *arg, uint32_t partition, enum consumer_parting parting)
{
    (void)arg;
    cr_assert_eq(parting, CONSUMER_REVOKED);
    parted[partition]++;
}

static struct consumer_options options_of(void)
{
    return (struct consumer_options){
        .brokers = mock.brokers,
        .topic = "orders",
        .group = "workers",
        .client_name = "test",
        .batch_max = 100,
        .on_assign = on_assign,
        .on_part = on_part,
    };
}

static void begin(void)
{
    mock_kafka_init(&mock);
}

static void end(void)
{
    consumer_destroy(consumer);
    mock_kafka_finish(&mock);
}

TestSuite(consumer, .init = begin, .fini = end, .timeout = 90);

static void create(void)
{
    struct consumer_options options = options_of();

    cr_assert_eq(consumer_create(&options, error, &consumer), ERR_OK, "%s", error);
}

static void put(int32_t partition, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "%d", i);
        mock_kafka_put(&mock, partition, text);
    }
}

static void note(const struct consumer_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct consumer_record *record = &batch->records[i];
        char *list = seen[record->partition];

        (void)snprintf(list + strlen(list), sizeof seen[0] - strlen(list), "%.*s ",
                       (int)record->payload_size, (const char *)record->payload);
        cr_assert(record->appended_ms > 0);
        if (i > 0 && record->partition == record[-1].partition) {
            cr_assert(record->offset > record[-1].offset, "ascending inside a partition");
        }
        seen_count++;
    }
}

static enum consumer_result poll_once(uint32_t wait_ms)
{
    struct consumer_batch batch;
    enum consumer_result result = consumer_poll(consumer, wait_ms, 10, &batch);

    if (result == CONSUMER_BATCH) {
        cr_assert(batch.count > 0);
        note(&batch);
        consumer_release(consumer);
    }
    return result;
}

/* Polls until `count` records came, or what comes instead of them is `wanted`. */
static void poll_until(enum consumer_result wanted, int count)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * 1000;
    enum consumer_result result;

    do {
        cr_assert(clock_mono_us() < deadline_us, "%d of %d records", seen_count, count);
        result = poll_once(100);
    } while (wanted == CONSUMER_BATCH ? seen_count < count : result != wanted);
}

static void poll_until_assigned(void)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * 1000;

    while (!consumer_is_assigned(consumer, 0) || !consumer_is_assigned(consumer, 1)) {
        cr_assert(clock_mono_us() < deadline_us);
        (void)poll_once(100);
    }
}

Test(consumer, says_which_setting_is_refused)
{
    struct consumer_options options = options_of();

    options.session_timeout_ms = 99999999;
    cr_assert_eq(consumer_create(&options, error, &consumer), ERR_CONFIG);
    cr_assert(strstr(error, "session.timeout.ms") != NULL, "%s", error);
}

Test(consumer, a_partition_without_a_place_is_asked_for_again)
{
    put(0, 0, 1);
    refusals = 3;
    create();
    poll_until(CONSUMER_BATCH, 1);
    cr_assert_eq(refusals, 0);
    cr_assert(assigned[0] == 1 && assigned[1] == 1);
    cr_assert_null(consumer_trouble(consumer));
}

Test(consumer, says_that_a_partition_has_no_place)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * 1000;

    refusals = 1000;
    create();
    while (!consumer_trouble(consumer)) {
        cr_assert(clock_mono_us() < deadline_us);
        cr_assert_eq(poll_once(100), CONSUMER_IDLE);
    }
    cr_assert(strstr(consumer_trouble(consumer), "has no place") != NULL);
    cr_assert_not(consumer_is_assigned(consumer, 0));
    cr_assert_eq(consumer_rewind(consumer, 0, 0), ERR_NOT_FOUND);
    cr_assert_eq(consumer_pause(consumer, 7), ERR_NOT_FOUND);
    consumer_destroy(consumer);
    consumer = NULL;
    cr_assert(parted[0] == 0 && parted[1] == 0, "it never had them");
}

/* FK7: nothing is reset, the other partition goes on, and it is told once. */
Test(consumer, a_place_beyond_the_end_stops_its_partition)
{
    struct consumer_place at[PARTITIONS];

    put(0, 0, 2);
    put(1, 0, 1);
    places[0] = 9;
    create();
    poll_until(CONSUMER_BEYOND_END, 0);
    cr_assert_str_eq(consumer_trouble(consumer),
                     "partition 0: beyond the end: the log holds 0 to 2, our place is 9");
    poll_until(CONSUMER_BATCH, 1);
    put(1, 1, 2);
    poll_until(CONSUMER_BATCH, 2);
    cr_assert_str_eq(seen[0], "");
    cr_assert_str_eq(seen[1], "0 1 ");
    for (int i = 0; i < 5; i++) {
        cr_assert_neq(poll_once(50), CONSUMER_BEYOND_END, "told once");
    }
    cr_assert_eq(consumer_places(consumer, at, PARTITIONS), 2);
    cr_assert(at[0].partition == 0 && at[0].is_stopped && at[0].next == 9);
    cr_assert(!at[1].is_stopped && at[1].next == 2 && at[1].end == 2);
}

/* One that goes on does not hide the other. */
Test(consumer, every_stopped_partition_is_told_until_it_goes_on)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * 1000;
    struct consumer_place at[PARTITIONS];

    put(0, 0, 2);
    places[0] = 9;
    places[1] = 7;
    create();
    do {
        cr_assert(clock_mono_us() < deadline_us);
        (void)poll_once(100);
    } while (consumer_places(consumer, at, PARTITIONS) != 2 || !at[0].is_stopped
             || !at[1].is_stopped);
    cr_assert_str_eq(
        consumer_trouble(consumer),
        "partition 0: beyond the end: the log holds 0 to 2, our place is 9; partition 1, too");
    cr_assert_eq(consumer_rewind(consumer, 0, 0), ERR_OK);
    cr_assert_eq(consumer_resume(consumer, 0), ERR_OK);
    poll_until(CONSUMER_BATCH, 2);
    cr_assert_not_null(consumer_trouble(consumer));
    cr_assert_str_eq(consumer_trouble(consumer),
                     "partition 1: beyond the end: the log holds 0 to 0, our place is 7");
    cr_assert_eq(consumer_rewind(consumer, 1, 0), ERR_OK);
    cr_assert_eq(consumer_resume(consumer, 1), ERR_OK);
    cr_assert_null(consumer_trouble(consumer));
}

Test(consumer, begins_where_it_is_told)
{
    put(0, 0, 4);
    put(1, 10, 12);
    places[0] = 3;
    places[1] = 1;
    create();
    poll_until(CONSUMER_BATCH, 2);
    cr_assert_str_eq(seen[0], "3 ");
    cr_assert_str_eq(seen[1], "11 ");
}

Test(consumer, delivers_again_from_where_it_is_rewound_to)
{
    put(0, 0, 4);
    create();
    poll_until(CONSUMER_BATCH, 4);
    cr_assert_eq(consumer_rewind(consumer, 0, 2), ERR_OK);
    poll_until(CONSUMER_BATCH, 6);
    cr_assert_str_eq(seen[0], "0 1 2 3 2 3 ");
}

/* librdkafka dies of an assignment that takes away what the one before is still stopping. */
Test(consumer, places_may_change_as_fast_as_one_can)
{
    create();
    poll_until_assigned();
    for (int i = 0; i < CHANGES; i++) {
        cr_assert_eq(consumer_rewind(consumer, (uint32_t)i % PARTITIONS, 0), ERR_OK);
        cr_assert_eq(poll_once(0), CONSUMER_IDLE);
    }
    put(0, 0, 2);
    put(1, 5, 6);
    poll_until(CONSUMER_BATCH, 3);
    cr_assert_str_eq(seen[0], "0 1 ");
    cr_assert_str_eq(seen[1], "5 ");
}

Test(consumer, a_paused_partition_waits_and_loses_nothing)
{
    create();
    poll_until_assigned();
    cr_assert_eq(consumer_pause(consumer, 0), ERR_OK);
    put(0, 0, 3);
    put(1, 5, 6);
    poll_until(CONSUMER_BATCH, 1);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(poll_once(50), CONSUMER_IDLE);
    }
    cr_assert_eq(consumer_resume(consumer, 0), ERR_OK);
    poll_until(CONSUMER_BATCH, 4);
    cr_assert_str_eq(seen[0], "0 1 2 ");
    cr_assert_str_eq(seen[1], "5 ");
}

/* The database is away: the batch stays readable, membership is kept, nothing comes twice. */
Test(consumer, keeps_its_batch_while_its_owner_waits)
{
    struct consumer_batch batch;
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * 1000;

    put(0, 0, 3);
    create();
    while (consumer_poll(consumer, 100, 200, &batch) != CONSUMER_BATCH) {
        cr_assert(clock_mono_us() < deadline_us);
    }
    put(0, 3, 6);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(consumer_keep_alive(consumer, 50), CONSUMER_IDLE);
    }
    note(&batch);
    consumer_release(consumer);
    poll_until(CONSUMER_BATCH, 6);
    cr_assert_str_eq(seen[0], "0 1 2 3 4 5 ");
    cr_assert_eq(assigned[0], 1);
}

Test(consumer, a_batch_has_a_bound)
{
    struct consumer_options options = options_of();
    struct consumer_batch batch;
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * 1000;

    options.batch_max = 2;
    put(0, 0, 5);
    cr_assert_eq(consumer_create(&options, error, &consumer), ERR_OK, "%s", error);
    while (seen_count < 5) {
        cr_assert(clock_mono_us() < deadline_us);
        if (consumer_poll(consumer, 100, 50, &batch) == CONSUMER_BATCH) {
            cr_assert(batch.count <= 2);
            note(&batch);
            consumer_release(consumer);
        }
    }
    cr_assert_str_eq(seen[0], "0 1 2 3 4 ");
}

Test(consumer, a_batch_that_was_not_released_is_a_bug, .signal = SIGABRT)
{
    struct consumer_batch batch;

    put(0, 0, 3);
    create();
    while (consumer_poll(consumer, 100, 10, &batch) != CONSUMER_BATCH) {
    }
    (void)consumer_poll(consumer, 100, 10, &batch);
}

Test(consumer, leaves_what_it_had)
{
    create();
    poll_until_assigned();
    consumer_destroy(consumer);
    consumer = NULL;
    cr_assert(parted[0] == 1 && parted[1] == 1);
    consumer_destroy(NULL);
}

Test(consumer, places_that_follow_each_other_are_told_together)
{
    struct consumer_batch batch;
    const int64_t until_us = clock_mono_us() + DEADLINE_MS * 1000;
    int64_t begun_us;

    create();
    poll_until_assigned();
    consumer_commit(consumer, 0, 3);
    begun_us = clock_mono_us();
    while (mock_kafka_committed(&mock, "workers", 0) != 3) {
        cr_assert(clock_mono_us() < until_us);
        cr_assert_eq(consumer_poll(consumer, 10, 10, &batch), CONSUMER_IDLE);
    }
    consumer_commit(consumer, 0, 4);
    cr_assert_eq(consumer_poll(consumer, 0, 0, &batch), CONSUMER_IDLE);
    if (mock_kafka_committed(&mock, "workers", 0)
        != 3) { /* fine only when this machine took a second for it */
        cr_assert(clock_mono_us() - begun_us >= 1000000);
    }
    while (mock_kafka_committed(&mock, "workers", 0) != 4) {
        cr_assert(clock_mono_us() < until_us);
        cr_assert_eq(consumer_poll(consumer, 10, 10, &batch), CONSUMER_IDLE);
    }
    consumer_commit(consumer, 0, 5);
    consumer_commit(consumer, 0, 6);
    consumer_destroy(consumer);
    consumer = NULL;
    cr_assert_eq(mock_kafka_committed(&mock, "workers", 0), 6, "leaving tells the last");
}

Test(consumer, a_place_of_a_partition_that_is_not_ours_is_not_told)
{
    create();
    consumer_commit(consumer, 0, 3);
    poll_until_assigned();
    consumer_destroy(consumer);
    consumer = NULL;
    cr_assert_eq(mock_kafka_committed(&mock, "workers", 0), -1);
}
