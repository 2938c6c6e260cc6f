/* The consumer thread on fakes of Kafka's group and of settle: what it hands on and drops. */
#include "settlement/settler.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/order_event.h"
#include "common/conf.h"
#include "journal/consumer.h"
#include "settlement/settle.h"
#include "unit/settlement/quiet.h"

enum { RECORDS_MAX = 8, CALLS_MAX = 16 };

/* What settle_batch() is to answer, one call after the other; then DONE with everything. */
struct answer {
    enum settle_result result;
    uint32_t taken;
};

static struct {
    struct consumer_options options; /* of the consumer that is there */
    struct consumer_record records[RECORDS_MAX];
    size_t record_count;
    uint32_t polls, polls_max; /* then the waiter is stopped */
    enum consumer_result poll_results[CALLS_MAX];
    uint32_t creates, destroys, keep_alives, rewinds, pauses, resumes, releases;
    uint32_t keep_alive_ms[CALLS_MAX];
    uint64_t rewound_to, committed;
    bool is_assigned[2];
    bool loses_in_keep_alive;
    const char *trouble;
    enum err create_err;
    /* settle */
    struct answer answers[CALLS_MAX];
    uint32_t calls;
    size_t counts[CALLS_MAX];
    uint64_t firsts[CALLS_MAX]; /* first offset of each call */
    struct settle_item poison;  /* the first item without a record */
    uint32_t partitions[CALLS_MAX];
    uint32_t claims, alive; /* settles */
    enum settle_result claim_result;
    uint64_t next[2];
    struct settler_state in_back_off;
} world;

static struct settler *settler;

struct settle {
    uint32_t part;
};

struct settle *settle_create(const struct settle_options *options)
{
    struct settle *settle = calloc(1, sizeof *settle);

    cr_assert(settle && strcmp(options->topic, "orders") == 0);
    settle->part = options->part;
    world.alive++;
    return settle;
}

void settle_destroy(struct settle *settle)
{
    world.alive -= settle != NULL;
    free(settle);
}

enum settle_result settle_claim(struct settle *settle, uint64_t *ret_next)
{
    world.claims++;
    if (world.claim_result == SETTLE_DONE) {
        *ret_next = world.next[settle->part];
    }
    return world.claim_result;
}

uint64_t settle_next(const struct settle *settle)
{
    return world.next[settle->part];
}

enum settle_result settle_batch(struct settle *settle, const struct settle_item *items,
                                size_t count, struct settle_stats *ret_stats)
{
    const struct answer *answer = &world.answers[world.calls];

    cr_assert(world.calls < CALLS_MAX && count > 0);
    memset(ret_stats, 0, sizeof *ret_stats);
    world.counts[world.calls] = count;
    world.firsts[world.calls] = items[0].offset;
    world.partitions[world.calls++] = settle->part;
    for (size_t i = 0; i < count; i++) {
        if (!items[i].record && !world.poison.payload) {
            world.poison = items[i];
        }
    }
    ret_stats->taken =
        answer->result == SETTLE_DONE && answer->taken == 0 ? (uint32_t)count : answer->taken;
    if (ret_stats->taken > 0) {
        world.next[settle->part] = items[ret_stats->taken - 1].offset + 1;
    }
    return answer->result;
}

static void assign(uint32_t partition)
{
    uint64_t next = 0;

    world.is_assigned[partition] =
        world.options.on_assign(world.options.arg, partition, &next) == ERR_OK;
}

static void part(uint32_t partition, enum consumer_parting parting)
{
    if (world.is_assigned[partition]) {
        world.is_assigned[partition] = false;
        world.options.on_part(world.options.arg, partition, parting);
    }
}

enum err consumer_create(const struct consumer_options *options,
                         char error[static CONSUMER_TEXT_SIZE], struct consumer **ret_consumer)
{
    static char there;

    world.creates++;
    if (world.create_err != ERR_OK) {
        snprintf(error, CONSUMER_TEXT_SIZE, "no such setting");
        return world.create_err;
    }
    world.options = *options;
    *ret_consumer = (struct consumer *)&there;
    return ERR_OK;
}

void consumer_destroy(struct consumer *consumer)
{
    if (consumer) {
        world.destroys++;
        part(0, CONSUMER_REVOKED);
        part(1, CONSUMER_REVOKED);
    }
}

enum consumer_result consumer_poll(struct consumer *consumer, uint32_t wait_ms, uint32_t fill_ms,
                                   struct consumer_batch *ret_batch)
{
    (void)consumer;
    (void)fill_ms;
    quiet.now_us += (int64_t)wait_ms * 1000;
    quiet.is_stopped = ++world.polls >= world.polls_max;
    if (!world.is_assigned[0] && world.polls == 1) {
        assign(0);
        assign(1);
    }
    const enum consumer_result result =
        world.polls <= CALLS_MAX ? world.poll_results[world.polls - 1] : CONSUMER_IDLE;
    if (result == CONSUMER_BATCH) {
        *ret_batch = (struct consumer_batch){world.records, world.record_count};
    }
    return result;
}

void consumer_release(struct consumer *consumer)
{
    (void)consumer;
    world.releases++;
}

enum consumer_result consumer_keep_alive(struct consumer *consumer, uint32_t wait_ms)
{
    (void)consumer;
    world.keep_alive_ms[world.keep_alives++ % CALLS_MAX] = wait_ms;
    settler_look(settler, &world.in_back_off);
    if (world.loses_in_keep_alive) {
        part(0, CONSUMER_LOST);
    }
    return CONSUMER_IDLE;
}

enum err consumer_rewind(struct consumer *consumer, uint32_t partition, uint64_t next)
{
    (void)consumer;
    (void)partition;
    world.rewinds++;
    world.rewound_to = next;
    return ERR_OK;
}

enum err consumer_pause(struct consumer *consumer, uint32_t partition)
{
    (void)consumer;
    (void)partition;
    world.pauses++;
    return ERR_OK;
}

enum err consumer_resume(struct consumer *consumer, uint32_t partition)
{
    (void)consumer;
    (void)partition;
    world.resumes++;
    return ERR_OK;
}

bool consumer_is_assigned(const struct consumer *consumer, uint32_t partition)
{
    (void)consumer;
    return world.is_assigned[partition];
}

void consumer_commit(struct consumer *consumer, uint32_t partition, uint64_t next)
{
    (void)consumer;
    (void)partition;
    world.committed = next;
}

uint32_t consumer_places(const struct consumer *consumer, struct consumer_place *places,
                         uint32_t max)
{
    (void)consumer;
    (void)max;
    uint32_t count = 0;

    for (uint32_t i = 0; i < 2; i++) {
        if (world.is_assigned[i]) {
            places[count++] = (struct consumer_place){.partition = i, .next = 5, .end = 9};
        }
    }
    return count;
}

const char *consumer_trouble(const struct consumer *consumer)
{
    (void)consumer;
    return world.trouble;
}

struct mysql_link *mysql_link_create(const struct mysql_link_options *options)
{
    static char there;

    (void)options;
    return (struct mysql_link *)&there;
}

void mysql_link_destroy(struct mysql_link *link)
{
    (void)link;
}

void mysql_link_drop(struct mysql_link *link)
{
    (void)link;
}

void mysql_link_thread_end(void)
{
}

/* A payload of one letter is a record; "x" cannot be read, and "h" only its number. */
enum order_event_fault order_event_read(const void *bytes, size_t size,
                                        struct order_record *ret_record, struct order_no *ret_hint)
{
    const char *text = bytes;

    cr_assert_eq(size, 1);
    if (text[0] == 'x' || text[0] == 'h') {
        ret_hint->value = text[0] == 'h' ? 77 : 0;
        return (enum order_event_fault)1;
    }
    ret_record->version = 1;
    return ORDER_EVENT_FAULT_NONE;
}

const char *order_event_fault_name(enum order_event_fault fault)
{
    (void)fault;
    return "fault";
}

static struct conf conf;

static void begin(void)
{
    memcpy(conf.kafka_orders_topic, "orders", sizeof "orders");
    world.polls_max = 2;
    for (size_t i = 0; i < CALLS_MAX; i++) {
        world.poll_results[i] = CONSUMER_IDLE;
    }
    world.poll_results[0] = CONSUMER_BATCH;
    settler = settler_create(&(struct settler_options){.conf = &conf, .owner = "me"});
    cr_assert_not_null(settler);
}

static void end(void)
{
    cr_assert_eq(world.alive, 0, "every partition was given back");
    settler_destroy(settler);
}

TestSuite(settler, .init = begin, .fini = end);

/* Payloads of partition 0 from offset 5 on; behind a blank those of partition 1. */
static void put(const char *payloads)
{
    uint32_t partition = 0;

    for (const char *at = payloads; *at; at++) {
        if (*at == ' ') {
            partition++;
            continue;
        }
        world.records[world.record_count] =
            (struct consumer_record){.partition = partition,
                                     .offset = 5 + world.record_count,
                                     .payload = at,
                                     .payload_size = 1,
                                     .appended_ms = -1};
        world.record_count++;
    }
}

Test(settler, a_stopped_worker_ends_its_patience)
{
    put("abc");
    world.polls_max = 1;
    world.answers[0] = (struct answer){SETTLE_AGAIN, 0};
    settler_run(settler);
    cr_assert(world.calls == 1 && world.keep_alives == 1);
    cr_assert_eq(world.committed, 0);
}

Test(settler, mysql_away_keeps_the_batch_and_the_group)
{
    put("abc");
    world.polls_max = 3;
    world.answers[0] = (struct answer){SETTLE_AGAIN, 0};
    world.answers[1] = (struct answer){SETTLE_AGAIN, 1};
    settler_run(settler);
    cr_assert_eq(world.calls, 3);
    cr_assert(world.firsts[0] == 5 && world.firsts[1] == 5);
    cr_assert_eq(world.firsts[2], 6, "behind what was taken");
    cr_assert_eq(world.counts[2], 2);
    cr_assert_eq(world.committed, 8);
    cr_assert_eq(world.creates, 1, "the group is not left");
    cr_assert_eq(world.keep_alives, 2);
    cr_assert_gt(world.keep_alive_ms[1], world.keep_alive_ms[0], "patience grows");
    cr_assert(world.in_back_off.is_paused);
    cr_assert_not_null(strstr(world.in_back_off.why, "mysql-text"));
}

Test(settler, a_partition_lost_while_waiting_drops_its_batch)
{
    put("ab c");
    world.polls_max = 3;
    world.answers[0] = (struct answer){SETTLE_AGAIN, 0};
    world.loses_in_keep_alive = true;
    settler_run(settler);
    cr_assert_eq(world.calls, 2);
    cr_assert_eq(world.partitions[1], 1, "the other partition goes on");
    cr_assert_eq(world.creates, 1);
}

Test(settler, a_fenced_partition_is_dropped_and_the_group_joined_anew)
{
    put("ab");
    world.polls_max = 3;
    world.answers[0] = (struct answer){SETTLE_FENCED, 1};
    settler_run(settler);
    cr_assert_eq(world.calls, 1, "the rest is another's");
    cr_assert_eq(world.creates, 2);
    cr_assert_eq(world.destroys, 2);
}

Test(settler, a_newer_epoch_pauses_its_partition_and_is_tried_again)
{
    put("abc d");
    world.polls_max = 16;
    world.answers[0] = (struct answer){SETTLE_NEWER_EPOCH, 1};
    settler_run(settler);
    cr_assert_eq(world.calls, 2);
    cr_assert_eq(world.partitions[1], 1, "other partitions go on");
    cr_assert_eq(world.rewound_to, 6, "nothing is skipped");
    cr_assert(world.pauses == 1 && world.resumes == 1);
}

Test(settler, a_partition_that_waits_is_told_as_stopped)
{
    struct settler_state state;

    put("a");
    world.answers[0] = (struct answer){SETTLE_NEWER_EPOCH, 0};
    world.polls_max = 2;
    world.poll_results[1] = CONSUMER_FATAL;
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert_eq(state.stopped_partitions, 1);
    cr_assert_eq(state.partitions, 2);
    cr_assert_eq(world.resumes, 0);
}

Test(settler, what_cannot_be_read_is_handed_on_with_its_bytes)
{
    put("axb");
    settler_run(settler);
    cr_assert_eq(world.counts[0], 3, "in its place among the others");
    cr_assert_eq(world.poison.offset, 6);
    cr_assert_eq(world.poison.payload_size, 1);
    cr_assert_eq(*(const char *)world.poison.payload, 'x');
    cr_assert_eq(world.poison.hint.value, 0);
}

Test(settler, whose_record_it_was_is_handed_on_if_that_much_can_be_read)
{
    put("h");
    settler_run(settler);
    cr_assert_eq(world.poison.hint.value, 77);
}

Test(settler, a_claim_that_fails_assigns_nothing)
{
    put("a");
    world.claim_result = SETTLE_AGAIN;
    world.poll_results[0] = CONSUMER_IDLE;
    settler_run(settler);
    cr_assert_eq(world.claims, 2);
    cr_assert_not(world.is_assigned[0]);
    cr_assert_eq(world.calls, 0);
}

Test(settler, a_fatal_consumer_is_made_anew)
{
    world.poll_results[0] = CONSUMER_FATAL;
    world.polls_max = 3;
    settler_run(settler);
    cr_assert_eq(world.creates, 2);
    cr_assert_eq(world.releases, 3);
}

Test(settler, a_gap_is_told_and_nothing_is_skipped)
{
    struct settler_state state;

    world.poll_results[0] = CONSUMER_GAP;
    world.trouble = "partition 0: a gap";
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert(state.is_paused);
    cr_assert_not_null(strstr(state.why, "a gap"));
    cr_assert_eq(world.rewinds, 0);
    cr_assert_eq(world.creates, 1);
}

Test(settler, a_group_that_cannot_be_joined_is_tried_again)
{
    struct settler_state state;

    world.create_err = ERR_CONFIG;
    quiet.sleeps_max = 3;
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert_eq(world.creates, 3);
    cr_assert_not_null(strstr(state.why, "no such setting"));
}

Test(settler, lag_is_what_is_behind_the_place_in_mysql)
{
    struct settler_state state;

    put("ab");
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert_eq(state.lag_records, (9 - 7) + (9 - 0));
    cr_assert_not(state.is_paused);
}
