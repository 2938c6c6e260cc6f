#include "support/sale_model.h"

#include <string.h>

#include "common/assert.h"

void model_init(struct sale_model *model, uint32_t units_of_each, uint32_t limit)
{
    model->limit = limit;
    model->epoch = 1;
    model->seq = 0;
    model->version = 2;
    model->is_fenced = model->is_listed = false;
    model->state = SALE_STATE_OPEN;
    model->order_count = model->entry_count = 0;
    for (uint32_t i = 0; i < MODEL_SKUS; i++) {
        const char name = (char)('a' + i);

        ASSERT(sku_parse(&name, 1, &model->skus[i]) == ERR_OK);
        model->total[i] = model->left[i] = units_of_each;
    }
}

static bool is_live(const struct model_order *order)
{
    return order->is_held && order_state_is_live(order->entry.state);
}

static struct model_order *order_under_key(struct sale_model *model, const struct attempt *attempt)
{
    for (uint32_t i = 0; i < model->order_count; i++) {
        struct model_order *order = &model->orders[i];

        if (order->is_held && attempt->key_hash.hex[0] != '\0'
            && buyer_equal(&order->buyer, &attempt->buyer)
            && strcmp(order->entry.key_hash.hex, attempt->key_hash.hex) == 0) {
            return order;
        }
    }
    return NULL;
}

static uint32_t units_of(const struct sale_model *model, const struct buyer *buyer)
{
    uint32_t units = 0;

    for (uint32_t i = 0; i < model->order_count; i++) {
        if (is_live(&model->orders[i]) && buyer_equal(&model->orders[i].buyer, buyer)) {
            units += model->orders[i].entry.quantity;
        }
    }
    return units;
}

static struct model_order *newest_of(struct sale_model *model, const struct buyer *buyer)
{
    struct model_order *newest = NULL;

    for (uint32_t i = 0; i < model->order_count; i++) {
        if (is_live(&model->orders[i]) && buyer_equal(&model->orders[i].buyer, buyer)) {
            newest = &model->orders[i];
        }
    }
    return newest;
}

static uint32_t place_of(const struct sale_model *model, const struct sku *sku)
{
    uint32_t place = 0;

    while (place < MODEL_SKUS && !sku_equal(&model->skus[place], sku)) {
        place++;
    }
    return place;
}

static bool is_slot_free(const struct sale_model *model, const struct buyer *buyer, uint32_t slot)
{
    for (uint32_t i = 0; i < model->order_count; i++) {
        const struct model_order *order = &model->orders[i];

        if (is_live(order) && buyer_equal(&order->buyer, buyer) && order->entry.slot == slot) {
            return false;
        }
    }
    return true;
}

static struct model_order *win(struct sale_model *model, const struct attempt *attempt,
                               int64_t now_ms)
{
    ASSERT(model->order_count < MODEL_ORDERS_MAX);
    struct model_order *order = &model->orders[model->order_count];

    *order = (struct model_order){.buyer = attempt->buyer,
                                  .is_held = true,
                                  .entry = {.key_hash = attempt->key_hash,
                                            .sku = attempt->sku,
                                            .quantity = attempt->quantity,
                                            .has_slot = true,
                                            .state = ORDER_STATE_PENDING,
                                            .won_at_ms = now_ms}};
    while (!is_slot_free(model, &attempt->buyer, order->entry.slot)) {
        order->entry.slot++;
    }
    model->order_count++;
    model->seq++;
    ASSERT(order_no_make((struct sale_id){MODEL_SALE}, model->epoch, model->seq,
                         &order->entry.order_no)
           == ERR_OK);
    model->left[place_of(model, &attempt->sku)] -= attempt->quantity;
    return order;
}

static bool closed(const struct sale_model *model, enum decision *ret_decision)
{
    switch (model->state) {
    case SALE_STATE_OPEN: return false;
    case SALE_STATE_LOADED: *ret_decision = DECISION_NOT_OPEN; return true;
    case SALE_STATE_PAUSED:
    case SALE_STATE_RESUMING: *ret_decision = DECISION_PAUSED; return true;
    case SALE_STATE_ENDED: *ret_decision = DECISION_ENDED; return true;
    case SALE_STATE_LOADING:
    case SALE_STATE_FROZEN:
    case SALE_STATE_COUNT: *ret_decision = DECISION_REBUILDING; return true;
    }
    UNREACHABLE();
}

static struct model_result decide(struct sale_model *model, const struct attempt *attempt,
                                  int64_t now_ms)
{
    struct model_result result = {.order = order_under_key(model, attempt)};
    uint32_t place = place_of(model, &attempt->sku);

    if (result.order != NULL) {
        bool is_same = sku_equal(&result.order->entry.sku, &attempt->sku)
                       && result.order->entry.quantity == attempt->quantity;
        result.decision = is_same ? DECISION_REPLAYED : DECISION_KEY_REUSED;
    } else if (closed(model, &result.decision)) {
        return result;
    } else if (place == MODEL_SKUS) {
        result.decision = DECISION_UNKNOWN_SKU;
    } else if (model->is_listed) {
        result.decision = DECISION_NOT_ELIGIBLE;
    } else if (units_of(model, &attempt->buyer) + attempt->quantity > model->limit) {
        result.decision = DECISION_LIMIT;
        result.order = newest_of(model, &attempt->buyer);
    } else if (model->left[place] < attempt->quantity) {
        result.decision = DECISION_SOLD_OUT;
    } else {
        result.decision = DECISION_WON;
        result.order = win(model, attempt, now_ms);
    }
    return result;
}

struct model_entry *model_run(struct sale_model *model, const struct attempt *const *attempts,
                              uint32_t count, int64_t now_ms, struct model_result *results)
{
    uint32_t before = model->seq, first;
    struct model_entry *entry = NULL;

    for (uint32_t i = 0; i < count; i++) {
        results[i] = decide(model, attempts[i], now_ms);
    }
    if (model->seq > before) {
        ASSERT(model->entry_count < MODEL_ENTRIES_MAX);
        entry = &model->entries[model->entry_count++];
        *entry = (struct model_entry){.epoch = model->epoch,
                                      .first = before + 1,
                                      .count = model->seq - before,
                                      .is_here = true};
    }
    first = model_outbox_first(model);
    for (uint32_t i = 0; i < count; i++) {
        if (results[i].order != NULL) {
            results[i].entry = results[i].order->entry;
        }
        if (results[i].decision == DECISION_REPLAYED) {
            struct order_no number = results[i].entry.order_no;

            results[i].may_be_unlogged = order_no_epoch(number) == model->epoch && first != 0
                                         && order_no_seq(number) >= first;
        }
    }
    return entry;
}

uint32_t model_outbox_first(const struct sale_model *model)
{
    for (uint32_t i = 0; i < model->entry_count; i++) {
        if (model->entries[i].is_here) {
            return model->entries[i].first;
        }
    }
    return 0;
}

struct model_entry *model_find_entry(struct sale_model *model, uint32_t epoch, uint32_t first)
{
    for (uint32_t i = 0; i < model->entry_count; i++) {
        struct model_entry *entry = &model->entries[i];

        if (entry->is_here && entry->epoch == epoch && entry->first == first) {
            return entry;
        }
    }
    return NULL;
}

struct model_order *model_find_order(struct sale_model *model, struct order_no order_no)
{
    for (uint32_t i = 0; i < model->order_count; i++) {
        if (model->orders[i].entry.order_no.value == order_no.value) {
            return &model->orders[i];
        }
    }
    return NULL;
}

static bool is_in(const struct model_entry *entry, const struct model_order *order)
{
    uint32_t seq = order_no_seq(order->entry.order_no);

    return order_no_epoch(order->entry.order_no) == entry->epoch && seq >= entry->first
           && seq < entry->first + entry->count;
}

void model_relay(struct sale_model *model, const struct model_entry *entry)
{
    for (uint32_t i = 0; i < model->order_count; i++) {
        if (is_in(entry, &model->orders[i])) {
            model->orders[i].in_log = true;
        }
    }
}

bool model_is_logged(struct sale_model *model, const struct model_entry *entry)
{
    for (uint32_t i = 0; i < model->order_count; i++) {
        if (is_in(entry, &model->orders[i]) && !model->orders[i].in_log) {
            return false;
        }
    }
    return true;
}

void model_rebuild(struct sale_model *model, bool with_outbox)
{
    for (uint32_t i = 0; i < model->entry_count; i++) {
        if (model->entries[i].is_here && with_outbox) {
            model_relay(model, &model->entries[i]);
        }
        model->entries[i].is_here = false;
    }
    model->epoch++;
    model->seq = 0;
    model->version += 2;
    model->is_fenced = false;
    memcpy(model->left, model->total, sizeof model->left);
    for (uint32_t i = 0; i < model->order_count; i++) {
        struct model_order *order = &model->orders[i];

        order->is_held = order->is_held && order->in_log;
        if (is_live(order)) {
            model->left[place_of(model, &order->entry.sku)] -= order->entry.quantity;
        }
    }
}

static bool is_in_outbox(const struct sale_model *model, const struct model_order *order)
{
    for (uint32_t i = 0; i < model->entry_count; i++) {
        if (model->entries[i].is_here && is_in(&model->entries[i], order)) {
            return true;
        }
    }
    return false;
}

const char *model_fault(struct sale_model *model)
{
    uint32_t taken[MODEL_SKUS] = {0};

    for (uint32_t i = 0; i < model->order_count; i++) {
        const struct model_order *order = &model->orders[i];

        if (order->is_told && !order->is_held) {
            return "an order that somebody was told of is lost";
        }
        if (order->is_held && !order->in_log && !is_in_outbox(model, order)) {
            return "a win is neither in the log nor in the outbox";
        }
        if (is_live(order)) {
            taken[place_of(model, &order->entry.sku)] += order->entry.quantity;
        }
        if (units_of(model, &order->buyer) > model->limit) {
            return "a buyer holds more than the limit";
        }
    }
    for (uint32_t i = 0; i < MODEL_SKUS; i++) {
        if (taken[i] + model->left[i] != model->total[i]) {
            return "units taken and left are not the total";
        }
    }
    return NULL;
}
