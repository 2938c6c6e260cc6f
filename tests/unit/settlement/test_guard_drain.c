/* Step 2 of a load on fakes of the outbox, the log and the offsets. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "inventory/sale_reader.h"
#include "journal/order_log_blocking.h"
#include "ledger/dead_store.h"
#include "ledger/offset_store.h"
#include "loop/waiter.h"
#include "settlement/guard_job.h"
#include "unit/settlement/fake_guard_job.h"
#include "unit/settlement/quiet.h"

enum { ENTRIES_MAX = 256, PARTITIONS = 3 };

static struct {
    uint32_t entries; /* 1 to entries are in the outbox, two wins each */
    bool is_deleted[ENTRIES_MAX + 1];
    uint32_t deleted, appended;
    struct order_record first; /* record that was appended */
    const char *sku;           /* of every win */
    enum err create_err, append_err, delete_err, read_err, ends_err, dead_err;
    uint64_t ends[PARTITIONS], next[PARTITIONS];
    bool has_row[PARTITIONS];
    bool does_settle; /* a sleep settles one record of each partition */
    uint64_t dead_of_sale, dead_of_none;
    bool is_open; /* the log */
    uint32_t ends_read;
} world;

static struct outbox_win win_of(uint32_t seq)
{
    struct outbox_win win = {.epoch = 3, .seq = seq};

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, seq, &win.entry.order_no), ERR_OK);
    cr_assert_eq(sku_parse(world.sku, strlen(world.sku), &win.entry.sku), ERR_OK);
    cr_assert_eq(buyer_parse("ann", 3, &win.buyer), ERR_OK);
    win.entry.quantity = 2;
    win.entry.slot = 1;
    win.entry.has_slot = true;
    win.entry.won_at_ms = 1700000000000;
    return win;
}

enum err sale_reader_outbox(struct redis_blocking *redis, struct sale_id sale,
                            struct outbox_place after, uint32_t max, sale_reader_outbox_fn *each,
                            void *arg, uint32_t *ret_count)
{
    (void)redis;
    cr_assert(sale.value == 7);
    *ret_count = 0;
    for (uint32_t i = (after.first_seq + 1) / 2 + 1;
         i <= world.entries && *ret_count < max && world.read_err == ERR_OK; i++) {
        const struct outbox_win wins[2] = {win_of(2 * i - 1), win_of(2 * i)};
        const struct outbox_listed_entry entry = {
            .epoch = 3, .first_seq = 2 * i - 1, .win_count = 2, .wins = wins};
        if (!world.is_deleted[i]) {
            const enum err err = each(arg, &entry);
            if (err != ERR_OK) {
                return err;
            }
            ++*ret_count;
        }
    }
    return world.read_err;
}

enum err sale_reader_outbox_delete(struct redis_blocking *redis, struct sale_id sale,
                                   struct outbox_place place)
{
    (void)redis;
    (void)sale;
    cr_assert_eq(place.epoch, 3);
    cr_assert_geq(world.appended, place.first_seq + 1, "all of its wins were reported before");
    if (world.delete_err != ERR_OK) {
        return world.delete_err;
    }
    world.is_deleted[(place.first_seq + 1) / 2] = true;
    world.deleted++;
    return ERR_OK;
}

enum err order_log_blocking_create(const struct order_log_blocking_options *options,
                                   struct order_log_blocking **ret_log)
{
    (void)options;
    *ret_log = NULL;
    world.is_open = world.create_err == ERR_OK;
    return world.create_err;
}

void order_log_blocking_destroy(struct order_log_blocking *log)
{
    (void)log;
    world.is_open = false;
}

enum err order_log_blocking_append(struct order_log_blocking *log,
                                   const struct order_record *records, size_t count,
                                   uint32_t timeout_ms, bool *ret_reported)
{
    (void)log;
    (void)ret_reported;
    cr_assert(count > 0 && timeout_ms == 5000);
    if (world.append_err != ERR_OK) {
        return world.append_err;
    }
    if (world.appended == 0) {
        world.first = records[0];
    }
    world.appended += (uint32_t)count;
    return ERR_OK;
}

enum err order_log_blocking_ends(struct order_log_blocking *log, uint32_t timeout_ms,
                                 uint64_t ends[static LOG_PARTITIONS_MAX],
                                 uint32_t *ret_partition_count)
{
    (void)log;
    (void)timeout_ms;
    cr_assert_eq(world.deleted, world.entries, "the ends are those behind the drain");
    world.ends_read++;
    memcpy(ends, world.ends, sizeof world.ends);
    *ret_partition_count = PARTITIONS;
    return world.ends_err;
}

enum err offset_store_list(struct mysql_link *link, const char *topic, offset_row_fn *each,
                           void *arg)
{
    (void)link;
    cr_assert_str_eq(topic, "orders");
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        const struct offset_row row = {.part = i, .next = world.next[i]};
        if (world.has_row[i]) {
            cr_assert_eq(each(arg, &row), ERR_OK);
        }
    }
    const struct offset_row stray = {.part = PARTITIONS + 5, .next = 0};
    return each(arg, &stray);
}

static struct conf conf;

enum err dead_store_open_count(struct mysql_link *link, const char *topic, struct sale_id sale,
                               uint64_t *ret_of_sale, uint64_t *ret_of_none)
{
    (void)link;
    cr_assert_str_eq(topic, conf.kafka_orders_topic);
    (void)sale;
    *ret_of_sale = world.dead_of_sale;
    *ret_of_none = world.dead_of_none;
    return world.dead_err;
}

static void settle_some(uint32_t ms)
{
    (void)ms;
    for (uint32_t i = 0; i < PARTITIONS && world.does_settle; i++) {
        world.has_row[i] = true;
        world.next[i] += world.next[i] < world.ends[i];
    }
}

static struct guard_context context = {.conf = &conf};
static struct guard_job job;
static struct guard_shared shared;

static void no_beat(void *arg)
{
    (void)arg;
}

static struct guard_job fresh_job(void)
{
    struct guard_job fresh = {
        .context = &context, .shared = &shared, .claim = {.sale = {7}, .fence = 5}};
    struct sale_definition *definition = &fresh.row.definition;

    definition->sale = (struct sale_id){7};
    definition->pay_window_ms = 900000;
    memcpy(definition->currency, "CNY", 4);
    definition->sku_count = 2;
    definition->skus[0].price = 1;
    definition->skus[1].price = 199900;
    cr_assert_eq(sku_parse("white", 5, &definition->skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("black", 5, &definition->skus[1].sku), ERR_OK);
    return fresh;
}

static void begin(void)
{
    quiet.now_us = 1000000;
    shared = (struct guard_shared){.beat = no_beat, .job_count = 1};
    memcpy(conf.kafka_orders_topic, "orders", sizeof "orders");
    conf.kafka_message_timeout_ms = 5000;
    world.sku = "black";
    quiet.on_sleep = settle_some;
    job = fresh_job();
}

static void end(void)
{
    guard_log_destroy(shared.log);
    free(job.ends);
    cr_assert_not(world.is_open, "the log is closed on every path");
}

TestSuite(guard_drain, .init = begin, .fini = end);

/* Turn by turn; what is not settled yet is looked at again. */
static enum err drain(struct guard_job *one)
{
    enum err err = guard_drain(one);

    while (err == ERR_BUSY) {
        if (one->ends) {
            (void)waiter_sleep_ms(NULL, GUARD_LOOK_MS);
        }
        err = guard_drain(one);
    }
    return err;
}

Test(guard_drain, a_failed_append_deletes_nothing)
{
    world.entries = 3;
    world.append_err = ERR_TIMEOUT;
    cr_assert_eq(drain(&job), ERR_TIMEOUT);
    cr_assert_eq(world.deleted, 0);
    cr_assert_not_null(strstr(job.note, "producing the outbox"));
}

Test(guard_drain, a_failed_delete_fails_the_load)
{
    world.entries = 1;
    world.delete_err = ERR_LOST;
    cr_assert_eq(drain(&job), ERR_LOST);
}

Test(guard_drain, a_sku_that_the_sale_does_not_have_is_not_dropped)
{
    world.entries = 1;
    world.sku = "pink";
    cr_assert_eq(drain(&job), ERR_RANGE);
    cr_assert(world.deleted == 0 && world.appended == 0);
}

Test(guard_drain, every_service_may_fail_and_the_note_names_it)
{
    world.create_err = ERR_CONFIG;
    cr_assert_eq(drain(&job), ERR_CONFIG);
    world.create_err = ERR_OK;
    world.read_err = ERR_PARSE;
    cr_assert_eq(drain(&job), ERR_PARSE);
    cr_assert_not_null(strstr(job.note, "Redis: reading the outbox"));
    world.read_err = ERR_OK;
    world.ends_err = ERR_UNAVAILABLE;
    cr_assert_eq(drain(&job), ERR_UNAVAILABLE);
    cr_assert_not_null(strstr(job.note, "ends"));
    world.ends_err = ERR_OK;
    quiet.ensure_err = ERR_UNAVAILABLE;
    cr_assert_eq(drain(&job), ERR_UNAVAILABLE);
    cr_assert_not_null(strstr(job.note, "MySQL: reading offsets"));
    quiet.ensure_err = ERR_OK;
    world.dead_err = ERR_LOST;
    cr_assert_eq(drain(&job), ERR_LOST);
}

Test(guard_drain, an_outbox_that_is_no_stream_held_nothing_that_was_told)
{
    world.read_err = ERR_CONFLICT;
    cr_assert_eq(drain(&job), ERR_OK);
    cr_assert_eq(world.appended, 0);
}

Test(guard_drain, an_outbox_that_can_be_read_is_only_read)
{
    world.entries = 150;
    cr_assert_eq(guard_check_outbox(&job), ERR_OK);
    world.read_err = ERR_CONFLICT;
    cr_assert_eq(guard_check_outbox(&job), ERR_OK, "no stream");
    cr_assert(world.appended == 0 && world.deleted == 0);
}

Test(guard_drain, an_outbox_that_cannot_be_read_is_told)
{
    world.read_err = ERR_PARSE;
    cr_assert_eq(guard_check_outbox(&job), ERR_CONFLICT);
    cr_assert_not_null(strstr(job.note, "an entry of its outbox in Redis cannot be read"));
    world.read_err = ERR_OK;
    world.entries = 1;
    world.sku = "pink";
    cr_assert_eq(guard_check_outbox(&job), ERR_CONFLICT);
    world.read_err = ERR_LOST;
    world.entries = 0;
    cr_assert_eq(guard_check_outbox(&job), ERR_LOST);
    cr_assert(world.appended == 0 && world.deleted == 0);
}

Test(guard_drain, a_lost_claim_stops_it_between_two_reads)
{
    world.entries = 150;
    fake_guard_job.fenced_at = 2;
    cr_assert_eq(drain(&job), ERR_FENCED);
    cr_assert_eq(world.deleted, 100);
}

Test(guard_drain, dead_letters_of_no_known_sale_stop_it)
{
    world.dead_of_none = 1;
    cr_assert_eq(drain(&job), ERR_CONFLICT);
    cr_assert_not_null(strstr(job.note, "1 of no known sale"));
}

Test(guard_drain, dead_letters_of_the_sale_stop_it)
{
    world.dead_of_sale = 2;
    cr_assert_eq(drain(&job), ERR_CONFLICT);
    cr_assert_not_null(strstr(job.note, "2 dead letters of this sale"));
}

Test(guard_drain, a_stopped_worker_produces_nothing)
{
    world.entries = 1;
    quiet.is_stopped = true;
    cr_assert_eq(drain(&job), ERR_CLOSED);
    cr_assert_eq(world.deleted, 0);
}

Test(guard_drain, the_record_is_the_one_that_the_engine_would_have_produced)
{
    world.entries = 1;
    cr_assert_eq(drain(&job), ERR_OK);
    const struct order_record *record = &world.first;
    cr_assert_eq(record->version, 1);
    cr_assert_eq(order_no_seq(record->order_no), 1);
    cr_assert_eq(record->unit_price, 199900);
    cr_assert_str_eq(record->currency, "CNY");
    cr_assert(record->quantity == 2 && record->slot == 1);
    cr_assert_str_eq(record->buyer.text, "ann");
    cr_assert_eq(record->pay_by_ms, record->won_at_ms + 900000);
}

Test(guard_drain, everything_is_produced_then_deleted)
{
    world.entries = 250;
    cr_assert_eq(drain(&job), ERR_OK);
    cr_assert_eq(world.appended, 500);
    cr_assert_eq(world.deleted, 250);
    cr_assert_str_eq(job.note, "");
}

Test(guard_drain, every_partition_is_waited_for_and_no_row_counts_as_zero)
{
    world.ends[0] = 4;
    world.next[0] = 4;
    world.has_row[0] = true;
    world.ends[2] = 3; /* without a row */
    world.does_settle = true;
    cr_assert_eq(drain(&job), ERR_OK);
    cr_assert_eq(quiet.sleeps, 3);
    cr_assert_eq(world.next[2], 3);
    cr_assert_str_eq(job.note, "", "what it waited for is past");
}

Test(guard_drain, what_it_waits_for_can_be_read)
{
    world.ends[1] = 2;
    fake_guard_job.fenced_at = 2; /* draining, then the wait */
    cr_assert_eq(drain(&job), ERR_FENCED);
    cr_assert_eq(fake_guard_job.expected, 2);
    cr_assert_eq(fake_guard_job.step, GUARD_STEP_DRAINING);
}

Test(guard_drain, loads_that_were_drained_before_share_one_reading_of_the_ends)
{
    struct guard_job other = fresh_job();

    cr_assert_eq(guard_drain(&job), ERR_BUSY, "the outbox is empty, the ends are not read");
    cr_assert_eq(guard_drain(&other), ERR_BUSY);
    cr_assert(drain(&job) == ERR_OK && drain(&other) == ERR_OK);
    cr_assert_eq(world.ends_read, 1);
    free(other.ends);
}

Test(guard_drain, ends_that_were_read_before_the_outbox_was_empty_serve_nobody)
{
    struct guard_job later = fresh_job();

    cr_assert_eq(drain(&job), ERR_OK);
    quiet.now_us += 1000;
    cr_assert_eq(drain(&later), ERR_OK);
    cr_assert_eq(world.ends_read, 2);
    free(later.ends);
}

Test(guard_drain, a_log_that_is_not_settled_for_long_is_told)
{
    world.ends[1] = 9;
    cr_assert_eq(guard_drain(&job), ERR_BUSY);
    cr_assert_eq(guard_drain(&job), ERR_BUSY);
    cr_assert_not(job.is_stuck);
    quiet.now_us += (int64_t)GUARD_STUCK_MS * 1000;
    cr_assert_eq(guard_drain(&job), ERR_BUSY);
    cr_assert(job.is_stuck);
    cr_assert_str_eq(job.note, "waits for 9 records to be settled; partition 1 is at 0 of 9");
    world.does_settle = true;
    cr_assert_eq(drain(&job), ERR_OK);
    cr_assert(!job.is_stuck && job.note[0] == '\0');
}

Test(guard_drain, a_log_that_ends_before_our_place_is_waited_for_with_an_alarm)
{
    world.ends[1] = 4;
    world.next[1] = 9;
    world.has_row[1] = true;
    cr_assert_eq(guard_drain(&job), ERR_BUSY);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(guard_drain(&job), ERR_BUSY);
        quiet.now_us += 3000000;
    }
    cr_assert(job.is_stuck && !job.ends);
    cr_assert_str_eq(job.note, "partition 1 ends at 4, MySQL is at 9: the log lost records");
    world.ends[1] = 9; /* the right log is back */
    cr_assert_eq(drain(&job), ERR_OK);
    cr_assert_not(job.is_stuck);
}
