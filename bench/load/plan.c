#include "plan.h"

#include <stdlib.h>

enum { AGAIN_BIT = 1, KEYED_BIT = 2, FLAG_BITS = 2 };

struct plan {
    struct plan_options options;
    uint64_t size;
    uint32_t *attempts; /* owned; buyer and flags */
};

/* splitmix64: a well-spread number for each buyer. */
static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static double share_of(uint64_t value)
{
    return (double)(value >> 11) * 0x1p-53;
}

/* Flags of the buyer's attempts; AGAIN_BIT: there are two. */
static uint32_t flags_of(const struct plan_options *options, uint32_t buyer)
{
    const uint64_t value = mix(options->seed ^ mix(buyer));
    const double share = share_of(value);

    if (share < options->twice) {
        return AGAIN_BIT;
    }
    if (share < options->twice + options->repeat) {
        return AGAIN_BIT | KEYED_BIT;
    }
    return share_of(mix(value)) < options->keyed ? KEYED_BIT : 0;
}

/* First tries in the order of the buyers; a second one follows `again_gap` attempts after its
 * first, or at the end. `places` is room for the place of each first try. */
static void fill(struct plan *plan, uint64_t *places)
{
    const struct plan_options *options = &plan->options;
    uint32_t first = 0, second = 0;

    for (uint64_t at = 0; at < plan->size; at++) {
        while (second < first && !(flags_of(options, second) & AGAIN_BIT)) {
            second++;
        }
        const bool again =
            second < first
            && (first == options->buyers || places[second] + options->again_gap <= at);
        const uint32_t buyer = again ? second++ : first;
        const uint32_t keyed = flags_of(options, buyer) & KEYED_BIT;
        plan->attempts[at] = buyer << FLAG_BITS | keyed | (again ? AGAIN_BIT : 0);
        if (!again) {
            places[first++] = at;
        }
    }
}

struct plan *plan_create(const struct plan_options *options)
{
    struct plan *plan = calloc(1, sizeof *plan);
    uint64_t *places = malloc(options->buyers * sizeof *places);

    if (plan) {
        plan->options = *options;
        for (uint32_t i = 0; i < options->buyers; i++) {
            plan->size += flags_of(options, i) & AGAIN_BIT ? 2 : 1;
        }
        plan->attempts = malloc(plan->size * sizeof *plan->attempts);
    }
    if (!plan || !places || !plan->attempts) {
        free(places);
        plan_destroy(plan);
        return NULL;
    }
    fill(plan, places);
    free(places);
    return plan;
}

void plan_destroy(struct plan *plan)
{
    if (plan) {
        free(plan->attempts);
        free(plan);
    }
}

uint64_t plan_size(const struct plan *plan)
{
    return plan->size;
}

struct attempt plan_attempt(const struct plan *plan, uint64_t number)
{
    const uint32_t packed = plan->attempts[number % plan->size];
    const uint32_t buyer = packed >> FLAG_BITS;

    return (struct attempt){
        .buyer = buyer,
        .sku = buyer % plan->options.sku_count,
        .keyed = packed & KEYED_BIT,
        .again = packed & AGAIN_BIT,
    };
}
