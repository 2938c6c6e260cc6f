#include "domain/sale.h"

#include "common/assert.h"
#include "common/clock.h"

#include <string.h>

enum { HOLD_MARGIN_MS = 500, GUARD_MARGIN_MS = 2000, DEADLINE_MIN_MS = 20 };

static const char *const state_names[SALE_STATE_COUNT] = {
#define X(name, text) [SALE_STATE_##name] = text,
    SALE_STATES(X)
#undef X
};

const char *sale_state_name(enum sale_state state)
{
    ASSERT((unsigned)state < SALE_STATE_COUNT);
    return state_names[state];
}

enum err sale_state_parse(const char *text, size_t size, enum sale_state *ret_state)
{
    for (int i = 0; i < SALE_STATE_COUNT; i++) {
        if (strlen(state_names[i]) == size && memcmp(state_names[i], text, size) == 0) {
            *ret_state = (enum sale_state)i;
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

int sale_find_sku(const struct sale_definition *definition, const struct sku *sku)
{
    for (uint32_t i = 0; i < definition->sku_count; i++) {
        if (sku_equal(&definition->skus[i].sku, sku)) {
            return (int)i;
        }
    }
    return -1;
}

enum err currency_check(const char *text, size_t size)
{
    if (size != CURRENCY_SIZE) {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 'A' || text[i] > 'Z') {
            return ERR_PARSE;
        }
    }
    return ERR_OK;
}

static const char *why_not_times(const struct sale_times *times)
{
    if (times->deadline_ms <= DEADLINE_MIN_MS) {
        return "the answer deadline D must be more than 20 ms";
    }
    if (times->lease_ms == 0) {
        return "the lease T must be at least 1 ms";
    }
    if (times->hold_ms < times->lease_ms || times->hold_ms - times->lease_ms < HOLD_MARGIN_MS) {
        return "hold must be at least the lease T and 500 ms";
    }
    if (times->guard_ms < times->deadline_ms
        || times->guard_ms - times->deadline_ms < GUARD_MARGIN_MS) {
        return "the wait Q must be at least the deadline D and 2000 ms";
    }
    return NULL;
}

static const char *why_not_skus(const struct sale_definition *definition)
{
    if (definition->sku_count < 1 || definition->sku_count > SALE_SKUS_MAX) {
        return "a sale has 1 to 64 skus";
    }
    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sale_sku *sku = &definition->skus[i];

        if (sku->sku.size == 0) {
            return "a sku has no name";
        }
        if (sku->price > MONEY_MAX) {
            return "a price is too high";
        }
        if (sku->total > SEQ_MAX) {
            return "a sku has more units than a sale can number";
        }
        if (sale_find_sku(definition, &sku->sku) != (int)i) {
            return "a sku is there twice";
        }
    }
    return NULL;
}

static const char *why_not(const struct sale_definition *definition)
{
    size_t name_size = strnlen(definition->name, sizeof definition->name);

    if (definition->sale.value < 1 || definition->sale.value > SALE_ID_MAX) {
        return "the sale's number must be 1 to 8388607";
    }
    if (definition->epoch > EPOCH_MAX) {
        return "the sale was loaded too often: its epochs are used up";
    }
    if (name_size == 0 || name_size > SALE_NAME_SIZE_MAX) {
        return "the name must have 1 to 200 bytes";
    }
    if (currency_check(definition->currency, strnlen(definition->currency, CURRENCY_SIZE + 1))
        != ERR_OK) {
        return "the currency must be three capital letters";
    }
    if (definition->opens_ms < 0 || definition->closes_ms > CLOCK_LAST_MS) {
        return "the window must lie between the years 1970 and 9999";
    }
    if (definition->opens_ms >= definition->closes_ms) {
        return "the sale must open before it closes";
    }
    if (definition->limit < 1 || definition->limit > QUANTITY_MAX) {
        return "the limit per buyer must be 1 to 1000";
    }
    if (definition->pay_window_ms == 0) {
        return "the time to pay must be more than nothing";
    }
    return NULL;
}

enum err sale_check(const struct sale_definition *definition, const char **ret_why)
{
    const char *why = why_not(definition);

    if (!why) {
        why = why_not_times(&definition->times);
    }
    if (!why) {
        why = why_not_skus(definition);
    }
    if (why) {
        *ret_why = why;
        return ERR_RANGE;
    }
    return ERR_OK;
}
