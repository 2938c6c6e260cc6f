/* 100,000 histories of purchases, each of random events in a random order: buyers ask, calls are
 * sent, run, answered, lost and refused, records are reported or fail, links break, other engines
 * win and relay, the sale pauses, ends and is rebuilt, time passes and stands still. Every answer
 * is held against the promise (support/purchase_world.h).
 *
 * The seed is printed; PURCHASE_SEED=N plays that history alone, PURCHASE_HISTORIES=N so many. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "support/purchase_world.h"

enum { HISTORIES = 100000, EVENTS_MAX = 120, ASK_OF = 5 };

static uint32_t below(void *arg, uint32_t n)
{
    uint64_t *state = arg;

    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state >> 11) % n);
}

static void play(struct purchase_world *world, uint64_t *state, uint64_t seed)
{
    *state = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    (void)below(state, 2);
    world_begin(world);
    for (uint32_t left = 1 + below(state, EVENTS_MAX); left > 0; left--) {
        if (below(state, ASK_OF) == 0) {
            world_ask(world);
        } else {
            world_event(world, below(state, 1024));
        }
    }
    world_end(world);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

Test(purchase_orders, every_history_keeps_the_promise, .timeout = 600)
{
    uint64_t first = number_of("PURCHASE_SEED", (uint64_t)time(NULL) << 20), state = 1;
    uint64_t count =
        number_of("PURCHASE_HISTORIES", getenv("PURCHASE_SEED") != NULL ? 1 : HISTORIES);
    struct purchase_world *world = world_create(below, &state);
    uint64_t outcomes[OUTCOME_COUNT] = {0};

    fprintf(stderr, "# PURCHASE_SEED=%llu\n", (unsigned long long)first);
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1)); /* what is played is no incident */
    for (uint64_t seed = first; seed < first + count; seed++) {
        play(world, &state, seed);
        cr_assert_null(world->broken, "PURCHASE_SEED=%llu: %s", (unsigned long long)seed,
                       world->broken);
        for (uint32_t i = 0; i < world->ask_count; i++) {
            outcomes[world->asks[i].told] += world->asks[i].is_told;
        }
    }
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++) {
        fprintf(stderr, "# %s %llu\n", outcome_code((enum outcome)i),
                (unsigned long long)outcomes[i]);
    }
    world_destroy(world);
}
