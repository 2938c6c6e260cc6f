#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "integration/journal/kafka_fixture.h"
#include "journal/consumer.h"
#include "journal/log_reader.h"

enum { PARTITIONS = 4, PER_PARTITION = 200 };

static struct kafka_fixture fixture;
static char error[CONSUMER_TEXT_SIZE];

/* The place of each partition, as MySQL would hold it. */
static uint64_t places[PARTITIONS];

/* One worker's thread, run by hand. */
struct worker {
    struct consumer *consumer;
    int assigned, parted;
    uint32_t count;
};

static enum err on_assign(void *arg, uint32_t partition, uint64_t *ret_next)
{
    struct worker *worker = arg;

    worker->assigned++;
    *ret_next = places[partition];
    return ERR_OK;
}

static void on_part(void *arg, uint32_t partition, enum consumer_parting parting)
{
    struct worker *worker = arg;

    (void)partition;
    (void)parting;
    worker->parted++;
}

static void begin(void)
{
    kafka_fixture_init(&fixture, "consumer");
}

static void end(void)
{
    kafka_fixture_finish(&fixture);
}

TestSuite(consumer_real, .init = begin, .fini = end, .timeout = 120);

static void start(struct worker *worker)
{
    const struct consumer_options options = {
        .brokers = fixture.brokers,
        .topic = fixture.topic,
        .group = fixture.topic,
        .client_name = "test",
        .batch_max = 64,
        .session_timeout_ms = 6000,
        .on_assign = on_assign,
        .on_part = on_part,
        .arg = worker,
    };

    cr_assert_eq(consumer_create(&options, error, &worker->consumer), ERR_OK, "%s", error);
}

/* Takes what comes: each record must be the next of its partition. */
static enum consumer_result turn(struct worker *worker)
{
    struct consumer_batch batch;
    enum consumer_result result = consumer_poll(worker->consumer, 50, 5, &batch);

    if (result != CONSUMER_BATCH) {
        return result;
    }
    for (size_t i = 0; i < batch.count; i++) {
        const struct consumer_record *record = &batch.records[i];

        cr_assert_eq(record->offset, places[record->partition], "partition %u", record->partition);
        places[record->partition] = record->offset + 1;
        worker->count++;
    }
    consumer_release(worker->consumer);
    return result;
}

static bool is_over(int64_t deadline_us)
{
    return clock_mono_us() >= deadline_us;
}

static int64_t deadline(void)
{
    return clock_mono_us() + FIXTURE_WAIT_MS * 1000;
}

static uint64_t sum_of_places(void)
{
    return places[0] + places[1] + places[2] + places[3];
}

/* FK8: retention passed our place. */
Test(consumer_real, a_gap_stops_its_partition_and_is_told)
{
    struct worker worker = {0};
    int64_t until_us;
    enum consumer_result result;

    kafka_fixture_create(&fixture, 1, NULL, NULL);
    kafka_fixture_put(&fixture, 0, 10);
    kafka_fixture_trim(&fixture, 0, 5);
    places[0] = 3;
    start(&worker);
    until_us = deadline();
    do {
        cr_assert(!is_over(until_us));
        result = turn(&worker);
        cr_assert_neq(result, CONSUMER_BATCH);
    } while (result != CONSUMER_GAP);
    cr_assert_str_eq(consumer_trouble(worker.consumer),
                     "partition 0: log gap: the log holds 5 to 10, our place is 3");
    cr_assert_eq(worker.count, 0);
    /* Asked for again it is told again; from a place that the log has it goes on. */
    cr_assert_eq(consumer_resume(worker.consumer, 0), ERR_OK);
    until_us = deadline();
    while (turn(&worker) != CONSUMER_GAP) {
        cr_assert(!is_over(until_us));
    }
    places[0] = 5;
    cr_assert_eq(consumer_rewind(worker.consumer, 0, 5), ERR_OK);
    cr_assert_eq(consumer_resume(worker.consumer, 0), ERR_OK);
    until_us = deadline();
    while (worker.count < 5) {
        cr_assert(!is_over(until_us));
        (void)turn(&worker);
    }
    cr_assert_null(consumer_trouble(worker.consumer));
    consumer_destroy(worker.consumer);
}

/* FK7: another topic of the same name has fewer records than we have seen. */
Test(consumer_real, a_topic_made_anew_stops_its_partitions)
{
    struct worker worker = {0};
    int64_t until_us;

    kafka_fixture_create(&fixture, 1, NULL, NULL);
    kafka_fixture_put(&fixture, 0, 3);
    places[0] = 7;
    start(&worker);
    until_us = deadline();
    while (turn(&worker) != CONSUMER_BEYOND_END) {
        cr_assert(!is_over(until_us));
    }
    cr_assert_eq(worker.count, 0);
    consumer_destroy(worker.consumer);
}

Test(consumer_real, a_place_that_is_lost_later_is_told_too)
{
    struct worker worker = {0};
    int64_t until_us;

    kafka_fixture_create(&fixture, 1, NULL, NULL);
    kafka_fixture_put(&fixture, 0, 4);
    start(&worker);
    until_us = deadline();
    while (worker.count < 4) {
        cr_assert(!is_over(until_us));
        (void)turn(&worker);
    }
    kafka_fixture_put(&fixture, 0, 4);
    kafka_fixture_trim(&fixture, 0, 6);
    cr_assert_eq(consumer_rewind(worker.consumer, 0, 4), ERR_OK);
    until_us = deadline();
    while (turn(&worker) != CONSUMER_GAP) {
        cr_assert(!is_over(until_us));
    }
    consumer_destroy(worker.consumer);
}

/* FK9: a second worker comes, then goes; every record comes once, in order, whoever has it. */
Test(consumer_real, two_workers_share_the_partitions)
{
    struct worker one = {0}, other = {0};
    struct consumer_place at[PARTITIONS];
    int64_t until_us = deadline();

    kafka_fixture_create(&fixture, PARTITIONS, NULL, NULL);
    start(&one);
    while (one.assigned < PARTITIONS) {
        cr_assert(!is_over(until_us));
        (void)turn(&one);
    }
    /* Records come all the time, so that batches are in hand when partitions are taken away. */
    start(&other);
    until_us = deadline();
    for (int32_t put = 0; sum_of_places() < PARTITIONS * PER_PARTITION;) {
        cr_assert(!is_over(until_us));
        if (put < PARTITIONS * PER_PARTITION / 10) {
            kafka_fixture_put(&fixture, put++ % PARTITIONS, 10);
        }
        (void)turn(&one);
        (void)turn(&other);
    }
    until_us = deadline();
    while (consumer_places(other.consumer, at, PARTITIONS) < PARTITIONS / 2) {
        cr_assert(!is_over(until_us));
        (void)turn(&one);
        (void)turn(&other);
    }
    for (int32_t part = 0; part < PARTITIONS; part++) {
        kafka_fixture_put(&fixture, part, 10);
    }
    until_us = deadline();
    while (sum_of_places() < PARTITIONS * (PER_PARTITION + 10)) {
        cr_assert(!is_over(until_us));
        (void)turn(&one);
        (void)turn(&other);
    }
    cr_assert(one.count > 0 && other.count > 0);
    cr_assert_eq(one.parted, PARTITIONS, "eager: all were given up");
    consumer_commit(other.consumer, 0, places[0]);
    consumer_destroy(other.consumer);
    kafka_fixture_put(&fixture, 0, PER_PARTITION);
    kafka_fixture_put(&fixture, 3, PER_PARTITION);
    until_us = deadline();
    while (sum_of_places() < PARTITIONS * (PER_PARTITION + 10) + 2 * PER_PARTITION) {
        cr_assert(!is_over(until_us));
        (void)turn(&one);
    }
    cr_assert_eq(consumer_places(one.consumer, at, PARTITIONS), PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++) {
        cr_assert_eq(at[i].next, places[at[i].partition]);
        cr_assert_eq(at[i].end, at[i].next, "no lag");
    }
    consumer_destroy(one.consumer);
}

/* FK9, the narrow case: a second worker comes while the first still fills its batch. What was
 * collected belongs to nobody then; it comes again, once, to who has the partition. */
Test(consumer_real, a_batch_that_is_being_filled_does_not_outlive_its_partitions)
{
    struct worker one = {0}, other = {0};
    struct consumer_batch batch = {0};
    int64_t until_us = deadline();

    kafka_fixture_create(&fixture, PARTITIONS, NULL, NULL);
    start(&one);
    while (one.assigned < PARTITIONS) {
        cr_assert(!is_over(until_us));
        (void)turn(&one);
    }
    for (int32_t part = 0; part < PARTITIONS; part++) {
        kafka_fixture_put(&fixture, part, 5);
    }
    start(&other);
    while (one.parted < PARTITIONS) {
        cr_assert(!is_over(until_us));
        consumer_release(one.consumer);
        batch = (struct consumer_batch){0};
        (void)consumer_poll(one.consumer, 100, 4000, &batch);
    }
    for (size_t i = 0; i < batch.count; i++) {
        const struct consumer_record *record = &batch.records[i];

        cr_assert(consumer_is_assigned(one.consumer, record->partition));
        cr_assert_eq(record->offset, places[record->partition]++, "partition %u",
                     record->partition);
    }
    consumer_release(one.consumer);
    until_us = deadline();
    while (sum_of_places() < PARTITIONS * 5) {
        cr_assert(!is_over(until_us));
        (void)turn(&one);
        (void)turn(&other);
    }
    consumer_destroy(one.consumer);
    consumer_destroy(other.consumer);
}

static enum err on_record(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t payload_size)
{
    (void)partition;
    (void)payload;
    (void)payload_size;
    *(uint64_t *)arg = offset;
    return ERR_OK;
}

Test(consumer_real, the_log_reader_begins_with_the_oldest_that_is_there)
{
    uint64_t last = 0, count = 0;
    const uint64_t from[] = {2};
    struct log_reader_options options = {
        .brokers = fixture.brokers, .topic = fixture.topic, .timeout_ms = FIXTURE_WAIT_MS};

    cr_assert_eq(log_reader_run(&options, on_record, &last, error, &count), ERR_NOT_FOUND, "%s",
                 error);
    kafka_fixture_create(&fixture, 1, NULL, NULL);
    kafka_fixture_put(&fixture, 0, 10);
    kafka_fixture_trim(&fixture, 0, 4);
    cr_assert_eq(log_reader_run(&options, on_record, &last, error, &count), ERR_OK, "%s", error);
    cr_assert(count == 6 && last == 9);
    options.from = from;
    options.from_count = 1;
    cr_assert_eq(log_reader_run(&options, on_record, &last, error, &count), ERR_RANGE);
    cr_assert_str_eq(error, "partition 0 holds 4 to 10, asked for was 2");
}
