#include "unit/settlement/settler_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/mysql_link.h"
#include "unit/settlement/quiet.h"

struct settler_world world;
struct settler *settler;

struct settle {
    uint32_t part;
};

struct settle *settle_create(const struct settle_options *options)
{
    struct settle *settle = calloc(1, sizeof *settle);

    cr_assert(settle && strcmp(options->topic, "orders") == 0 && options->kind == &world_kind);
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
    if (world.claims > 2 && world.mended_next > 0) {
        world.next[settle->part] = world.mended_next;
    }
    if (world.claim_result == SETTLE_DONE) {
        *ret_next = world.next[settle->part];
    }
    return world.claims > 2 && world.loses_claim ? SETTLE_AGAIN : world.claim_result;
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
    settler_look(settler, &world.in_settle);
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
    snprintf(world.group, sizeof world.group, "%s", options->group);
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
    world.is_stopped = world.is_stopped && world.stays_stopped;
    return ERR_OK;
}

bool consumer_is_assigned(struct consumer *consumer, uint32_t partition)
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
            places[count++] = (struct consumer_place){
                .partition = i, .next = 5, .end = 9, .is_stopped = i == 0 && world.is_stopped};
        }
    }
    return count;
}

const char *consumer_trouble(const struct consumer *consumer)
{
    (void)consumer;
    return world.trouble;
}

void mysql_link_drop(struct mysql_link *link)
{
    (void)link;
}

/* A payload of one letter is a record; "x" cannot be read, and "h" only its number. */
static const char *read_letter(const void *bytes, size_t size, void *ret_record,
                               struct order_no *ret_hint)
{
    const char *text = bytes;

    cr_assert_eq(size, 1);
    if (text[0] == 'x' || text[0] == 'h') {
        ret_hint->value = text[0] == 'h' ? 77 : 0;
        return "fault";
    }
    *(char *)ret_record = text[0];
    return NULL;
}

static void count_call(struct metrics_shard *shard, const struct settle_stats *stats,
                       int64_t took_us)
{
    (void)shard;
    (void)took_us;
    world.counted += stats->taken;
}

static enum err sweep(struct mysql_link *link, struct settle_turn *turn,
                      struct metrics_shard *shard, bool *ret_more)
{
    (void)link;
    (void)shard;
    world.swept_from = turn->after.value;
    cr_assert(quiet.is_stopped || turn->goes_on(turn->arg), "a round has time");
    quiet.now_us += 500000;
    cr_assert_not(turn->goes_on(turn->arg), "but not for ever");
    quiet.now_us -= 500000;
    turn->after.value = ++world.sweeps;
    *ret_more = world.sweep_more > 0;
    world.sweep_more -= world.sweep_more > 0;
    return world.sweep_err;
}

const struct settle_kind world_kind = {
    .record_size = 1, .read = read_letter, .count = count_call, .sweep = sweep};
