/* Stock, list and ledger ids are sent as soon as a call's worth is there. Orders come by number,
 * but Redis keeps them by buyer: they are collected first. */
#include "inventory/sale_load.h"

#include "common/assert.h"
#include "common/buf.h"
#include "common/hash.h"
#include "inventory/order_value.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_wire.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS_MAX = 3000, KEY_ARGS = 7, FIRST_BUYERS = 1024 };

enum part { PART_STOCK, PART_LISTED, PART_APPLIED, PART_BUYERS, PART_COUNT };
static const char *const PART_NAMES[PART_COUNT] = {"stock", "listed", "applied", "buyers"};

/* An entry's text in the arena: link to the buyer's next, size, text. */
struct order_text {
    size_t next; /* place in the arena; 0: the last */
    size_t size;
};
struct buyer_orders {
    struct buyer buyer;
    size_t first, last; /* places in the arena */
};
struct sale_load {
    struct redis_blocking *redis; /* borrowed */
    struct sale_id sale;
    uint32_t epoch;
    uint64_t generation; /* of the connection that load_begin went over */
    struct sale_call parts[PART_COUNT];
    uint32_t item_counts[PART_COUNT]; /* waiting in parts */
    uint64_t sent_count;
    sale_load_sent_fn *on_sent; /* while sale_load_send() runs */
    void *sent_arg;
    struct buf arena; /* owned; order_text and text, one behind the other; 0 is no place */
    struct buyer_orders *buyers;      /* owned */
    uint32_t *table;                  /* owned; 1 + index into buyers; 0: free */
    uint32_t buyer_count, table_size; /* a power of two, at least twice the buyers */
    uint32_t buyers_sent;             /* by send_buyers() */
};

static void part_init(struct sale_load *load, enum part part)
{
    static const enum key keys[KEY_ARGS] = {KEY_META,   KEY_STOCK,   KEY_HELD,  KEY_BUYERS,
                                            KEY_OUTBOX, KEY_APPLIED, KEY_LISTED};
    struct sale_call *call = &load->parts[part];

    sale_call_init(call, load->redis, LUA_SCRIPT_LOAD_PART, load->sale, keys, KEY_ARGS);
    sale_call_add_number(call, load->epoch);
    sale_call_add_text(call, PART_NAMES[part]);
    load->item_counts[part] = 0;
}

/* A connection that was made anew may lead to another server, or to one that forgot. */
static enum err check_link(struct sale_load *load)
{
    enum err err = redis_blocking_connect(load->redis);

    if (err == ERR_OK && redis_blocking_generation(load->redis) != load->generation) {
        redis_blocking_blame(load->redis, "the connection was made anew in mid-load");
        err = ERR_LOST;
    }
    return err;
}

static enum err part_send(struct sale_load *load, enum part part)
{
    uint32_t count = load->item_counts[part];
    enum err err = ERR_OK;

    if (count > 0) {
        err = check_link(load);
        err = err != ERR_OK ? err : sale_call_run(&load->parts[part], NULL, NULL);
        sale_call_finish(&load->parts[part]);
        part_init(load, part);
        load->sent_count += err == ERR_OK ? count : 0;
        if (err == ERR_OK && load->on_sent) {
            load->on_sent(load->sent_arg);
        }
    }
    return err;
}

static enum err part_item_added(struct sale_load *load, enum part part)
{
    load->item_counts[part]++;
    return load->item_counts[part] == ITEMS_MAX ? part_send(load, part) : ERR_OK;
}

static bool grow_buyers(struct sale_load *load)
{
    uint32_t size = load->table_size ? load->table_size * 2 : FIRST_BUYERS * 2;
    struct buyer_orders *buyers = reallocarray(load->buyers, size / 2, sizeof *buyers);
    uint32_t *table;

    if (!buyers) {
        return false;
    }
    load->buyers = buyers;
    table = calloc(size, sizeof *table);
    if (!table) {
        return false;
    }
    for (uint32_t i = 0; i < load->buyer_count; i++) {
        uint32_t at = (uint32_t)hash64(buyers[i].buyer.text, buyers[i].buyer.size, 0);

        while (table[at &= size - 1]) {
            at++;
        }
        table[at] = i + 1;
    }
    free(load->table);
    load->table = table;
    load->table_size = size;
    return true;
}

/* NULL: no memory. */
static struct buyer_orders *find_or_add_buyer(struct sale_load *load, const struct buyer *buyer)
{
    uint32_t at = (uint32_t)hash64(buyer->text, buyer->size, 0);
    struct buyer_orders *found;

    if (load->buyer_count >= load->table_size / 2 && !grow_buyers(load)) {
        return NULL;
    }
    while (load->table[at &= load->table_size - 1]) {
        found = &load->buyers[load->table[at] - 1];
        if (buyer_equal(&found->buyer, buyer)) {
            return found;
        }
        at++;
    }
    found = &load->buyers[load->buyer_count++];
    *found = (struct buyer_orders){.buyer = *buyer};
    load->table[at] = load->buyer_count;
    return found;
}

static struct order_text text_at(const struct sale_load *load, size_t place)
{
    struct order_text text;

    memcpy(&text, load->arena.data + place, sizeof text);
    return text;
}

enum err sale_load_order(struct sale_load *load, const struct buyer *buyer,
                         const struct order_entry *entry)
{
    struct buyer_orders *orders;
    struct order_text text = {0};
    size_t place = load->arena.size;

    if (order_no_sale(entry->order_no).value != load->sale.value) {
        return ERR_RANGE;
    }
    orders = find_or_add_buyer(load, buyer);
    buf_append(&load->arena, &text, sizeof text);
    order_value_entry_append(&load->arena, entry);
    if (!orders || load->arena.failed) {
        return ERR_NO_MEMORY;
    }
    text.size = load->arena.size - place - sizeof text;
    memcpy(load->arena.data + place, &text, sizeof text);
    if (orders->last) {
        struct order_text last = text_at(load, orders->last);

        last.next = place;
        memcpy(load->arena.data + orders->last, &last, sizeof last);
    } else {
        orders->first = place;
    }
    orders->last = place;
    return ERR_OK;
}

static enum err send_buyer(struct sale_load *load, const struct buyer_orders *orders,
                           struct buf *value)
{
    struct sale_call *call = &load->parts[PART_BUYERS];

    buf_clear(value);
    buf_append_char(value, '1');
    for (size_t place = orders->first; place != 0; place = text_at(load, place).next) {
        buf_append(value, load->arena.data + place + sizeof(struct order_text),
                   text_at(load, place).size);
    }
    if (value->failed) {
        return ERR_NO_MEMORY;
    }
    sale_call_add(call, orders->buyer.text, orders->buyer.size);
    sale_call_add(call, value->data, value->size);
    return part_item_added(load, PART_BUYERS);
}

static enum err send_buyers(struct sale_load *load)
{
    struct buf value;
    enum err err = ERR_OK;

    buf_init(&value, SIZE_MAX / 8);
    while (load->buyers_sent < load->buyer_count && err == ERR_OK) {
        err = send_buyer(load, &load->buyers[load->buyers_sent++], &value);
    }
    buf_finish(&value);
    return err;
}

enum err sale_load_stock(struct sale_load *load, const struct sku *sku, uint32_t left)
{
    sale_call_add(&load->parts[PART_STOCK], sku->text, sku->size);
    sale_call_add_number(&load->parts[PART_STOCK], left);
    return part_item_added(load, PART_STOCK);
}

enum err sale_load_listed(struct sale_load *load, const struct buyer *buyer)
{
    sale_call_add(&load->parts[PART_LISTED], buyer->text, buyer->size);
    return part_item_added(load, PART_LISTED);
}

enum err sale_load_applied(struct sale_load *load, uint64_t ledger_id)
{
    sale_call_add_number(&load->parts[PART_APPLIED], ledger_id);
    return part_item_added(load, PART_APPLIED);
}

uint64_t sale_load_sent_count(const struct sale_load *load)
{
    return load->sent_count;
}

static enum err run_begin(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                          struct sale_reply *ret_reply)
{
    static const enum key keys[KEY_ARGS] = {KEY_META,   KEY_STOCK,   KEY_HELD,  KEY_BUYERS,
                                            KEY_OUTBOX, KEY_APPLIED, KEY_LISTED};
    struct sale_call call;
    enum err err;

    sale_call_init(&call, redis, LUA_SCRIPT_LOAD_BEGIN, sale, keys, KEY_ARGS);
    sale_call_add_number(&call, epoch);
    err = sale_call_run(&call, ret_reply, NULL);
    sale_call_finish(&call);
    return err;
}

enum err sale_load_begin(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                         struct sale_load **ret_load, struct sale_reply *ret_reply)
{
    struct sale_load *load = calloc(1, sizeof *load);
    enum err err = load ? run_begin(redis, sale, epoch, ret_reply) : ERR_NO_MEMORY;

    if (err != ERR_OK) {
        free(load);
        return err;
    }
    load->redis = redis;
    load->sale = sale;
    load->epoch = epoch;
    load->generation = redis_blocking_generation(redis);
    buf_init(&load->arena, SIZE_MAX / 8);
    buf_append_char(&load->arena, ' ');
    for (enum part part = 0; part < PART_COUNT; part++) {
        part_init(load, part);
    }
    *ret_load = load;
    return ERR_OK;
}

void sale_load_destroy(struct sale_load *load)
{
    if (!load) {
        return;
    }
    for (enum part part = 0; part < PART_COUNT; part++) {
        sale_call_finish(&load->parts[part]);
    }
    buf_finish(&load->arena);
    free(load->buyers);
    free(load->table);
    free(load);
}

static void add_field(struct sale_call *call, const char *name, uint64_t value)
{
    sale_call_add_text(call, name);
    sale_call_add_number(call, value);
}

static enum err run_end(struct sale_load *load, const struct sale_definition *definition,
                        enum sale_state state, struct sale_reply *ret_reply)
{
    static const enum key keys[1] = {KEY_META};
    struct sale_call call;
    enum err err;

    sale_call_init(&call, load->redis, LUA_SCRIPT_LOAD_END, load->sale, keys, 1);
    sale_call_add_number(&call, load->epoch);
    add_field(&call, "opens", (uint64_t)definition->opens_ms);
    add_field(&call, "closes", (uint64_t)definition->closes_ms);
    add_field(&call, "limit", definition->limit);
    add_field(&call, "listed", definition->listed ? 1 : 0);
    add_field(&call, "pay_window", definition->pay_window_ms);
    add_field(&call, "D", definition->times.deadline_ms);
    add_field(&call, "T", definition->times.lease_ms);
    add_field(&call, "hold", definition->times.hold_ms);
    add_field(&call, "Q", definition->times.guard_ms);
    sale_call_add_text(&call, "state");
    sale_call_add_text(&call, sale_state_name(state));
    err = sale_call_run(&call, ret_reply, NULL);
    sale_call_finish(&call);
    return err;
}

enum err sale_load_send(struct sale_load *load, sale_load_sent_fn *on_sent, void *arg)
{
    load->on_sent = on_sent;
    load->sent_arg = arg;
    enum err err = send_buyers(load);
    for (enum part part = 0; part < PART_COUNT && err == ERR_OK; part++) {
        err = part_send(load, part);
    }
    load->on_sent = NULL;
    return err;
}

enum err sale_load_end(struct sale_load *load, const struct sale_definition *definition,
                       enum sale_state state, struct sale_reply *ret_reply)
{
    enum err err = sale_load_send(load, NULL, NULL);

    ASSERT(definition->sale.value == load->sale.value);
    ASSERT(definition->opens_ms >= 0 && definition->closes_ms >= 0);
    err = err != ERR_OK ? err : check_link(load);
    return err != ERR_OK ? err : run_end(load, definition, state, ret_reply);
}
