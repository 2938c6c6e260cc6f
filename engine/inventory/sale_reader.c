#include "inventory/sale_reader.h"

#include "common/assert.h"
#include "inventory/catalogue.h"
#include "inventory/order_value.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_handshake.h"
#include "inventory/redis_wire.h"
#include "inventory/sale_call.h"
#include "inventory/text_cursor.h"

#include <stdlib.h>
#include <string.h>

enum { CURSOR_SIZE_MAX = 20, OUTBOX_READ_MAX = 1000 };

static enum err unreadable(struct redis_blocking *redis, const char *what)
{
    redis_blocking_blame(redis, what);
    return ERR_PARSE;
}

static const char *text_of(const struct redis_reply *reply, size_t index, size_t *ret_size)
{
    *ret_size = 0;
    return index < redis_reply_count(reply)
               ? redis_reply_string(redis_reply_item(reply, index), ret_size)
               : NULL;
}

static bool number_of(const char *text, size_t size, uint64_t max, uint64_t *ret_value)
{
    struct text_cursor cursor;

    if (!text) {
        return false;
    }
    cursor = text_cursor(text, size);
    return text_take_number(&cursor, max, ret_value) && text_is_end(&cursor);
}

/* A plain read of one of the sale's keys, with up to four more words. */
static enum err read_key(struct redis_blocking *redis, const char *command, struct sale_id sale,
                         enum key key, uint32_t word_count, const char *const *words,
                         struct redis_reply **ret_reply)
{
    struct key_text name;
    const char *argv[6];
    size_t sizes[6];

    ASSERT(word_count <= 4);
    key_format(sale, key, &name);
    argv[0] = command;
    argv[1] = name.text;
    for (uint32_t i = 0; i < word_count; i++) {
        argv[2 + i] = words[i];
    }
    for (uint32_t i = 0; i < 2 + word_count; i++) {
        sizes[i] = strlen(argv[i]);
    }
    return redis_blocking_command(redis, 2 + word_count, argv, sizes, ret_reply);
}

/* --- looks --- */

enum err sale_reader_look(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                          struct sale_look *ret_look)
{
    static const enum key keys[] = {KEY_META, KEY_STOCK, KEY_BUYERS, KEY_OUTBOX, KEY_LISTED};
    struct sale_look look = {0};
    struct sale_reply reply;
    struct redis_reply *raw;
    struct sale_call call;
    const char *stock;
    size_t size;
    enum err err;

    sale_call_init(&call, redis, LUA_SCRIPT_PURCHASE, sale, keys, 5);
    sale_call_add_number(&call, epoch);
    for (int i = 0; i < 3; i++) { /* sent, deadline, acknowledgements; no columns: a poll */
        sale_call_add_number(&call, 0);
    }
    err = sale_call_run(&call, &reply, &raw);
    sale_call_finish(&call);
    if (!raw) {
        return err;
    }
    look.answer = reply.answer;
    look.head = reply.head;
    err = ERR_OK;
    if (look.answer == SALE_ANSWER_OK) {
        stock = text_of(raw, 3, &size);
        if (look.head.epoch != epoch || !stock
            || sale_stock_parse(stock, size, look.skus, &look.sku_count) != ERR_OK) {
            err = unreadable(redis, "purchase: header or stock of the reply");
        }
    }
    if (err == ERR_OK) {
        *ret_look = look;
    }
    redis_reply_free(raw);
    return err;
}

enum err sale_reader_catalogue(struct redis_blocking *redis, struct catalogue_look *ret_look)
{
    struct catalogue_look look = {0};
    struct sale_reply reply;
    struct redis_reply *raw;
    struct sale_call call;
    const char *revision;
    size_t size, count;
    enum err err;

    sale_call_init_key(&call, redis, LUA_SCRIPT_CATALOGUE, KEY_CATALOGUE);
    sale_call_add(&call, "", 0);
    err = sale_call_run(&call, &reply, &raw);
    sale_call_finish(&call);
    if (raw && reply.answer == SALE_ANSWER_REBUILDING) {
        look.rebuilding = true;
        err = ERR_OK;
    } else if (err == ERR_OK) {
        count = redis_reply_count(raw);
        revision = text_of(raw, 2, &size);
        if (count % 2 != 1 || !number_of(revision, size, INT64_MAX, &look.revision)) {
            err = unreadable(redis, "catalogue: the reply");
        } else {
            look.sale_count = (uint32_t)((count - 3) / 2);
        }
    }
    if (err == ERR_OK) {
        *ret_look = look;
    }
    redis_reply_free(raw);
    return err;
}

/* --- the outbox --- */

static enum err each_entry(struct redis_blocking *redis, struct sale_id sale,
                           const struct redis_reply *reply, sale_reader_outbox_fn *each, void *arg)
{
    struct outbox_win *wins = calloc(OUTBOX_ENTRY_WINS_MAX, sizeof *wins);
    enum err err = wins ? ERR_OK : ERR_NO_MEMORY;

    for (size_t i = 0; i < redis_reply_count(reply) && err == ERR_OK; i++) {
        struct outbox_listed_entry entry;

        err = outbox_entry_parse(sale, redis_reply_item(reply, i), wins, &entry);
        err = err == ERR_OK ? each(arg, &entry) : unreadable(redis, "outbox: an entry");
    }
    free(wins);
    return err;
}

enum err sale_reader_outbox(struct redis_blocking *redis, struct sale_id sale,
                            struct outbox_place after, uint32_t max, sale_reader_outbox_fn *each,
                            void *arg, uint32_t *ret_count)
{
    char begin[2 * REDIS_WIRE_NUMBER_SIZE_MAX + 3] = "-", count[REDIS_WIRE_NUMBER_SIZE_MAX + 1];
    struct redis_reply *reply;
    char *at = begin;
    enum err err;

    ASSERT(max >= 1 && max <= OUTBOX_READ_MAX);
    if (after.epoch != 0) {
        *at++ = '(';
        at = redis_wire_number(at, after.epoch);
        *at++ = '-';
        *redis_wire_number(at, after.first_seq) = '\0';
    }
    *redis_wire_number(count, max) = '\0';
    err = read_key(redis, "XRANGE", sale, KEY_OUTBOX, 4,
                   (const char *const[]){begin, "+", "COUNT", count}, &reply);
    if (err == ERR_IO && strncmp(redis_blocking_trouble(redis), "WRONGTYPE", 9) == 0) {
        return ERR_CONFLICT;
    }
    if (err != ERR_OK) {
        return err;
    }
    err = each_entry(redis, sale, reply, each, arg);
    if (err == ERR_OK) {
        *ret_count = (uint32_t)redis_reply_count(reply);
    }
    redis_reply_free(reply);
    return err;
}

static enum err read_count(struct redis_blocking *redis, const char *command, struct sale_id sale,
                           enum key key, uint32_t word_count, const char *const *words,
                           uint64_t *ret_count)
{
    struct redis_reply *reply;
    int64_t count;
    enum err err = read_key(redis, command, sale, key, word_count, words, &reply);

    if (err != ERR_OK) {
        return err;
    }
    if (redis_reply_integer(reply, &count) && count >= 0) {
        *ret_count = (uint64_t)count;
    } else {
        err = unreadable(redis, command);
    }
    redis_reply_free(reply);
    return err;
}

enum err sale_reader_outbox_delete(struct redis_blocking *redis, struct sale_id sale,
                                   struct outbox_place place)
{
    char id[2 * REDIS_WIRE_NUMBER_SIZE_MAX + 2];
    char *at = redis_wire_number(id, place.epoch);
    uint64_t deleted;

    *at++ = '-';
    *redis_wire_number(at, place.first_seq) = '\0';
    return read_count(redis, "XDEL", sale, KEY_OUTBOX, 1, (const char *const[]){id}, &deleted);
}

/* --- the audit's reads --- */

enum { META_FIELDS = 14 };

static bool read_meta_numbers(const struct redis_reply *reply, struct sale_meta *meta)
{
    /* In the order of sale_reader_meta(); the first two are texts. */
    static const uint64_t maxima[META_FIELDS] = {
        0,          0, EPOCH_MAX,  INT64_MAX,  SEQ_MAX,    INT64_MAX,  INT64_MAX,
        UINT32_MAX, 1, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    uint64_t values[META_FIELDS] = {0};
    bool is_loading = meta->head.state == SALE_STATE_LOADING;

    for (size_t i = 2; i < META_FIELDS; i++) {
        size_t size;
        const char *text = text_of(reply, i, &size);

        /* While it is loading, the terms are not there yet. */
        if (!(is_loading && i >= 5 && !text) && !number_of(text, size, maxima[i], &values[i])) {
            return false;
        }
    }
    meta->head.epoch = (uint32_t)values[2];
    meta->head.version = values[3];
    meta->head.seq = (uint32_t)values[4];
    meta->opens_ms = (int64_t)values[5];
    meta->closes_ms = (int64_t)values[6];
    meta->limit = (uint32_t)values[7];
    meta->listed = values[8] == 1;
    meta->pay_window_ms = (uint32_t)values[9];
    meta->times = (struct sale_times){.deadline_ms = (uint32_t)values[10],
                                      .lease_ms = (uint32_t)values[11],
                                      .hold_ms = (uint32_t)values[12],
                                      .guard_ms = (uint32_t)values[13]};
    return true;
}

static enum err read_own_replid(struct redis_blocking *redis, char replid[static 41])
{
    struct redis_reply *reply;
    const char *info, *text = NULL;
    size_t size, text_size = 0;
    enum err err = redis_blocking_command(redis, 2, (const char *const[]){"INFO", "replication"},
                                          (const size_t[]){4, 11}, &reply);

    if (err != ERR_OK) {
        return err;
    }
    info = redis_reply_string(reply, &size);
    if (info) {
        text = redis_info_field(info, size, "master_replid", &text_size);
    }
    if (text && text_size == 40) {
        memcpy(replid, text, 40);
        replid[40] = '\0';
    } else {
        err = unreadable(redis, "INFO replication: master_replid");
    }
    redis_reply_free(reply);
    return err;
}

static enum err read_meta(struct redis_blocking *redis, const struct redis_reply *reply,
                          struct sale_meta *meta)
{
    size_t state_size, replid_size;
    const char *state = text_of(reply, 0, &state_size);
    const char *replid = text_of(reply, 1, &replid_size);
    bool is_there = false;

    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        is_there = is_there || !redis_reply_is_nil(redis_reply_item(reply, i));
    }
    if (!is_there) {
        redis_blocking_blame(redis, "meta: missing");
        return ERR_NOT_FOUND;
    }
    if (redis_reply_count(reply) != META_FIELDS || !state
        || sale_state_parse(state, state_size, &meta->head.state) != ERR_OK || !replid
        || (replid_size != 0 && replid_size != 40) || !read_meta_numbers(reply, meta)) {
        return unreadable(redis, "meta: a field is missing or cannot be read");
    }
    memcpy(meta->replid, replid, replid_size);
    return ERR_OK;
}

enum err sale_reader_meta(struct redis_blocking *redis, struct sale_id sale,
                          struct sale_meta *ret_meta)
{
    struct sale_meta meta = {0};
    struct redis_reply *reply;
    struct key_text key;
    const char *argv[META_FIELDS + 2] = {
        "HMGET",  NULL,    "state",  "replid",     "epoch", "version", "seq",  "opens",
        "closes", "limit", "listed", "pay_window", "D",     "T",       "hold", "Q"};
    size_t sizes[META_FIELDS + 2];
    char own[41];
    enum err err;

    key_format(sale, KEY_META, &key);
    argv[1] = key.text;
    for (size_t i = 0; i < META_FIELDS + 2; i++) {
        sizes[i] = strlen(argv[i]);
    }
    err = redis_blocking_command(redis, META_FIELDS + 2, argv, sizes, &reply);
    if (err != ERR_OK) {
        return err == ERR_IO ? unreadable(redis, "meta: it is no hash") : err;
    }
    err = read_meta(redis, reply, &meta);
    redis_reply_free(reply);
    err = err != ERR_OK ? err : read_own_replid(redis, own);
    if (err == ERR_OK) {
        meta.fence_fits = strcmp(meta.replid, own) == 0;
        *ret_meta = meta;
    }
    return err;
}

enum err sale_reader_units(struct redis_blocking *redis, struct sale_id sale, bool held,
                           struct sale_left ret_left[static SALE_SKUS_MAX], uint32_t *ret_count)
{
    struct redis_reply *reply;
    uint32_t count = 0;
    enum err err = read_key(redis, "HGETALL", sale, held ? KEY_HELD : KEY_STOCK, 0, NULL, &reply);

    if (err != ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < redis_reply_count(reply) && err == ERR_OK; i += 2) {
        size_t sku_size, size;
        const char *sku = text_of(reply, i, &sku_size);
        const char *units = text_of(reply, i + 1, &size);
        uint64_t left;

        if (count == SALE_SKUS_MAX || !sku
            || sku_parse(sku, sku_size, &ret_left[count].sku) != ERR_OK
            || !number_of(units, size, UINT32_MAX, &left)) {
            err = unreadable(redis, held ? "held: a field" : "stock: a field");
        } else {
            ret_left[count++].left = (uint32_t)left;
        }
    }
    if (err == ERR_OK) {
        *ret_count = count;
    }
    redis_reply_free(reply);
    return err;
}

enum err sale_reader_listed_count(struct redis_blocking *redis, struct sale_id sale,
                                  uint64_t *ret_count)
{
    return read_count(redis, "SCARD", sale, KEY_LISTED, 0, NULL, ret_count);
}

enum err sale_reader_outbox_count(struct redis_blocking *redis, struct sale_id sale,
                                  uint64_t *ret_count)
{
    return read_count(redis, "XLEN", sale, KEY_OUTBOX, 0, NULL, ret_count);
}

/* --- scans --- */

struct scan {
    struct redis_blocking *redis;
    struct sale_id sale;
    enum err (*on_items)(struct scan *scan, const struct redis_reply *items);
    union {
        sale_reader_order_fn *order;
        sale_reader_applied_fn *applied;
    } each;
    void *arg;
    struct buyer buyer; /* of the order being told */
};

static enum err on_order(void *arg, const struct order_entry *entry)
{
    struct scan *scan = arg;

    return scan->each.order(scan->arg, &scan->buyer, entry);
}

static enum err on_buyers(struct scan *scan, const struct redis_reply *items)
{
    for (size_t i = 0; i < redis_reply_count(items); i += 2) {
        size_t buyer_size, size;
        const char *buyer = text_of(items, i, &buyer_size);
        const char *value = text_of(items, i + 1, &size);
        enum err err;

        if (!buyer || !value || buyer_parse(buyer, buyer_size, &scan->buyer) != ERR_OK) {
            return unreadable(scan->redis, "buyers: a field");
        }
        err = order_value_each(scan->sale, value, size, on_order, scan);
        if (err != ERR_OK) {
            return err == ERR_PARSE ? unreadable(scan->redis, "buyers: a value") : err;
        }
    }
    return ERR_OK;
}

static enum err on_applied(struct scan *scan, const struct redis_reply *items)
{
    for (size_t i = 0; i < redis_reply_count(items); i++) {
        size_t size;
        const char *text = text_of(items, i, &size);
        uint64_t ledger_id;
        enum err err;

        if (!number_of(text, size, INT64_MAX, &ledger_id)) {
            return unreadable(scan->redis, "applied: a member");
        }
        err = scan->each.applied(scan->arg, ledger_id);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err run_scan(struct scan *scan, const char *command, enum key key)
{
    char cursor[CURSOR_SIZE_MAX + 1] = "0";
    enum err err;

    do {
        struct redis_reply *reply;
        const char *next;
        size_t size;

        err = read_key(scan->redis, command, scan->sale, key, 3,
                       (const char *const[]){cursor, "COUNT", "1000"}, &reply);
        if (err != ERR_OK) {
            return err;
        }
        next = text_of(reply, 0, &size);
        if (redis_reply_count(reply) != 2 || !next || size == 0 || size > CURSOR_SIZE_MAX) {
            err = unreadable(scan->redis, command);
        } else {
            memcpy(cursor, next, size);
            cursor[size] = '\0';
            err = scan->on_items(scan, redis_reply_item(reply, 1));
        }
        redis_reply_free(reply);
    } while (err == ERR_OK && strcmp(cursor, "0") != 0);
    return err;
}

enum err sale_reader_orders(struct redis_blocking *redis, struct sale_id sale,
                            sale_reader_order_fn *each, void *arg)
{
    struct scan scan = {.redis = redis, .sale = sale, .on_items = on_buyers, .arg = arg};

    scan.each.order = each;
    return run_scan(&scan, "HSCAN", KEY_BUYERS);
}

enum err sale_reader_applied(struct redis_blocking *redis, struct sale_id sale,
                             sale_reader_applied_fn *each, void *arg)
{
    struct scan scan = {.redis = redis, .sale = sale, .on_items = on_applied, .arg = arg};

    scan.each.applied = each;
    return run_scan(&scan, "SSCAN", KEY_APPLIED);
}
