#include "domain/order.h"

#include "common/assert.h"
#include "common/clock.h"
#include "domain/sale.h"

#include <string.h>

static const struct {
    const char *name;
    char letter;
    bool live;
} states[ORDER_STATE_COUNT] = {
#define X(name, letter, live) [ORDER_STATE_##name] = {#name, letter, live},
    ORDER_STATES(X)
#undef X
};

const char *order_state_name(enum order_state state)
{
    ASSERT((unsigned)state < ORDER_STATE_COUNT);
    return states[state].name;
}

char order_state_letter(enum order_state state)
{
    ASSERT((unsigned)state < ORDER_STATE_COUNT);
    return states[state].letter;
}

bool order_state_is_live(enum order_state state)
{
    ASSERT((unsigned)state < ORDER_STATE_COUNT);
    return states[state].live;
}

enum err order_state_from_letter(char letter, enum order_state *ret_state)
{
    for (int i = 0; i < ORDER_STATE_COUNT; i++) {
        if (states[i].letter == letter) {
            *ret_state = (enum order_state)i;
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

enum err order_state_from_name(const char *name, enum order_state *ret_state)
{
    for (int i = 0; i < ORDER_STATE_COUNT; i++) {
        if (strcmp(states[i].name, name) == 0) {
            *ret_state = (enum order_state)i;
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

bool order_state_may_become(enum order_state from, enum order_state to)
{
    ASSERT((unsigned)to < ORDER_STATE_COUNT);
    switch (from) {
    case ORDER_STATE_PENDING: return to == ORDER_STATE_PAID || to == ORDER_STATE_CLOSED;
    case ORDER_STATE_PAID: return to == ORDER_STATE_REFUNDED;
    case ORDER_STATE_QUARANTINED: return to == ORDER_STATE_PENDING || to == ORDER_STATE_VOIDED;
    case ORDER_STATE_CLOSED:
    case ORDER_STATE_REFUNDED:
    case ORDER_STATE_VOIDED: return false;
    case ORDER_STATE_COUNT: break;
    }
    UNREACHABLE();
}

static bool ids_are_good(const struct order_record *record)
{
    struct sku sku;
    struct buyer buyer;
    struct key_hash hash;
    struct traceparent trace;
    size_t hash_size = strnlen(record->key_hash.hex, KEY_HASH_SIZE + 1);
    size_t trace_size = strnlen(record->traceparent.text, TRACEPARENT_SIZE + 1);

    return order_no_is_whole(record->order_no) && record->sku.size <= SKU_SIZE_MAX
           && sku_parse(record->sku.text, record->sku.size, &sku) == ERR_OK
           && record->buyer.size <= BUYER_SIZE_MAX
           && buyer_parse(record->buyer.text, record->buyer.size, &buyer) == ERR_OK
           && key_hash_parse(record->key_hash.hex, hash_size, &hash) == ERR_OK
           && (trace_size == 0
               || traceparent_parse(record->traceparent.text, trace_size, &trace) == ERR_OK);
}

enum err order_record_check(const struct order_record *record)
{
    if (record->version < 1 || !ids_are_good(record)) {
        return ERR_RANGE;
    }
    if (record->quantity < 1 || record->quantity > QUANTITY_MAX || record->slot >= QUANTITY_MAX
        || record->unit_price > MONEY_MAX) {
        return ERR_RANGE;
    }
    if (currency_check(record->currency, strnlen(record->currency, sizeof record->currency))
        != ERR_OK) {
        return ERR_RANGE;
    }
    if (record->won_at_ms < 0 || record->pay_by_ms < record->won_at_ms
        || record->pay_by_ms > CLOCK_LAST_MS) {
        return ERR_RANGE;
    }
    return ERR_OK;
}

enum err order_terms_of(const struct sale_definition *definition, const struct sku *sku,
                        struct order_terms *ret_terms)
{
    int index = sale_find_sku(definition, sku);

    if (index < 0) {
        return ERR_NOT_FOUND;
    }
    *ret_terms = (struct order_terms){.unit_price = definition->skus[index].price,
                                      .pay_window_ms = definition->pay_window_ms};
    memcpy(ret_terms->currency, definition->currency, sizeof ret_terms->currency);
    return ERR_OK;
}

void order_record_make(const struct order_entry *entry, const struct buyer *buyer,
                       const struct order_terms *terms, const struct traceparent *traceparent,
                       struct order_record *ret_record)
{
    *ret_record = (struct order_record){
        .version = 1,
        .order_no = entry->order_no,
        .buyer = *buyer,
        .sku = entry->sku,
        .quantity = entry->quantity,
        .unit_price = terms->unit_price,
        .slot = entry->slot,
        .key_hash = entry->key_hash,
        .won_at_ms = entry->won_at_ms,
        .pay_by_ms = entry->won_at_ms + terms->pay_window_ms,
        .traceparent = *traceparent,
    };
    memcpy(ret_record->currency, terms->currency, sizeof ret_record->currency);
}
