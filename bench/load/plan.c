#include "plan.h"

#include <assert.h>
#include <stdlib.h>

/* An attempt as it is kept: again (1 bit), lead (4), buyer (27). */
enum { AGAIN_BIT = 1, LEAD_SHIFT = 1, LEAD_MASK = PLAN_CLICKS_MAX - 1, BUYER_SHIFT = 5 };
static_assert(PLAN_BUYERS_MAX < 1 << (32 - BUYER_SHIFT), "a buyer fits");

struct plan {
    struct plan_options options;
    uint64_t size;
    uint32_t *attempts; /* owned; packed */
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

static uint64_t number_of(const struct plan_options *options, uint32_t buyer)
{
    return mix(options->seed ^ mix(buyer));
}

static enum kind kind_of(const struct plan_options *options, uint32_t buyer)
{
    double share = share_of(number_of(options, buyer));

    for (uint32_t kind = KIND_ONCE + 1; kind < KIND_COUNT; kind++) {
        if (share < options->shares[kind]) {
            return (enum kind)kind;
        }
        share -= options->shares[kind];
    }
    return KIND_ONCE;
}

static bool is_keyed(const struct plan_options *options, uint32_t buyer, enum kind kind)
{
    switch (kind) {
    case KIND_TWICE: return false;
    case KIND_REPEAT:
    case KIND_DROP: return true;
    case KIND_ONCE:
    case KIND_CLICK:
    case KIND_BAD_TOKEN:
    case KIND_UNKNOWN_SALE:
    case KIND_COUNT: break;
    }
    return share_of(mix(number_of(options, buyer))) < options->keyed;
}

static bool tries_again(const struct plan_options *options, uint32_t buyer)
{
    const enum kind kind = kind_of(options, buyer);
    return kind == KIND_TWICE || kind == KIND_REPEAT;
}

/* Attempts of the first try, all at once. */
static uint32_t clicks_of(const struct plan_options *options, uint32_t buyer)
{
    return kind_of(options, buyer) == KIND_CLICK ? options->clicks : 1;
}

/* First tries in the order of the buyers; a second one follows `again_gap` attempts after its
 * first, or at the end. `places` is room for the place of each first try. */
static void fill(struct plan *plan, uint64_t *places)
{
    const struct plan_options *options = &plan->options;
    uint32_t first = 0, second = 0;

    for (uint64_t at = 0; at < plan->size;) {
        while (second < first && !tries_again(options, second)) {
            second++;
        }
        if (second < first
            && (first == options->buyers || places[second] + options->again_gap <= at)) {
            plan->attempts[at++] = second++ << BUYER_SHIFT | AGAIN_BIT;
            continue;
        }
        const uint32_t clicks = clicks_of(options, first);
        places[first] = at;
        for (uint32_t lead = 0; lead < clicks; lead++) {
            plan->attempts[at++] = first << BUYER_SHIFT | lead << LEAD_SHIFT;
        }
        first++;
    }
}

struct plan *plan_create(const struct plan_options *options)
{
    struct plan *plan = calloc(1, sizeof *plan);
    uint64_t *places = malloc(options->buyers * sizeof *places);

    if (plan) {
        plan->options = *options;
        for (uint32_t i = 0; i < options->buyers; i++) {
            plan->size += clicks_of(options, i) + tries_again(options, i);
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

uint32_t plan_lead(const struct plan *plan, uint64_t number)
{
    return plan->attempts[number % plan->size] >> LEAD_SHIFT & LEAD_MASK;
}

enum step plan_next(const struct plan *plan, uint32_t buyer)
{
    const double share = share_of(mix(mix(number_of(&plan->options, buyer))));

    return share < plan->options.pay                          ? STEP_PAY
           : share < plan->options.pay + plan->options.cancel ? STEP_CANCEL
                                                              : STEP_PURCHASE;
}

struct attempt plan_attempt(const struct plan *plan, uint64_t number)
{
    const uint32_t packed = plan->attempts[number % plan->size];
    const uint32_t buyer = packed >> BUYER_SHIFT;
    const enum kind kind = kind_of(&plan->options, buyer);

    return (struct attempt){
        .buyer = buyer,
        .sku = buyer % plan->options.sku_count,
        .kind = kind,
        .keyed = is_keyed(&plan->options, buyer, kind),
        .again = packed & AGAIN_BIT,
        .lead = packed >> LEAD_SHIFT & LEAD_MASK,
    };
}
