#include "inventory/sale_loader.h"

#include "common/assert.h"
#include "inventory/redis_blocking.h"
#include "inventory/text_cursor.h"

#include <string.h>

/* --- close_fence --- */

/* `epoch version state seq fence`, `-` for one that cannot be read: that stays 0, or LOADING. */
static void read_closed(const char *text, size_t size, struct sale_reply *reply)
{
    struct text_cursor cursor = text_cursor(text, size);
    struct sale_head *head = &reply->head;
    const char *words[5];
    size_t sizes[5];
    uint64_t number;

    for (int i = 0; i < 5; i++) {
        words[i] = text_take_until(&cursor, ' ', &sizes[i]);
        (void)text_take_char(&cursor, ' ');
    }
    *head = (struct sale_head){.state = SALE_STATE_LOADING};
    cursor = text_cursor(words[0], sizes[0]);
    if (text_take_number(&cursor, EPOCH_MAX, &number) && text_is_end(&cursor)) {
        head->epoch = (uint32_t)number;
    }
    cursor = text_cursor(words[1], sizes[1]);
    if (text_take_number(&cursor, INT64_MAX, &number) && text_is_end(&cursor)) {
        head->version = number;
    }
    cursor = text_cursor(words[3], sizes[3]);
    if (text_take_number(&cursor, SEQ_MAX, &number) && text_is_end(&cursor)) {
        head->seq = (uint32_t)number;
    }
    if (sale_state_parse(words[2], sizes[2], &head->state) != ERR_OK) {
        head->state = SALE_STATE_LOADING;
    }
    reply->was_closed = sizes[4] == 6 && memcmp(words[4], "closed", 6) == 0;
}

enum err sale_loader_close_fence(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                                 struct sale_reply *ret_reply)
{
    static const enum key keys[] = {KEY_META};
    struct redis_reply *raw;
    struct sale_call call;
    const char *text = NULL;
    size_t size;
    enum err err;

    sale_call_init(&call, redis, LUA_SCRIPT_CLOSE_FENCE, sale, keys, 1);
    sale_call_add_number(&call, epoch);
    err = sale_call_run(&call, ret_reply, &raw);
    sale_call_finish(&call);
    if (err == ERR_OK && ret_reply) {
        if (redis_reply_count(raw) == 3) {
            text = redis_reply_string(redis_reply_item(raw, 2), &size);
        }
        ret_reply->head = (struct sale_head){.state = SALE_STATE_LOADING};
        if (text) {
            read_closed(text, size, ret_reply);
        }
    }
    redis_reply_free(raw);
    return err;
}

/* --- set_state --- */

static bool is_verb(const char *verb)
{
    static const char *const verbs[] = {"pause", "resume", "open", "end", "freeze", "unfreeze"};

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum err sale_loader_set_state(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                               const char *verb, struct sale_reply *ret_reply)
{
    static const enum key keys[] = {KEY_META};
    struct sale_call call;
    enum err err;

    if (!is_verb(verb)) {
        redis_blocking_blame(redis, "set_state: no such verb");
        return ERR_RANGE;
    }
    sale_call_init(&call, redis, LUA_SCRIPT_SET_STATE, sale, keys, 1);
    sale_call_add_number(&call, epoch);
    sale_call_add_text(&call, verb);
    err = sale_call_run(&call, ret_reply, NULL);
    sale_call_finish(&call);
    return err;
}

enum err sale_loader_open(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                          uint64_t version, struct sale_reply *ret_reply)
{
    static const enum key keys[] = {KEY_META};
    struct sale_call call;
    enum err err;

    sale_call_init(&call, redis, LUA_SCRIPT_SET_STATE, sale, keys, 1);
    sale_call_add_number(&call, epoch);
    sale_call_add_text(&call, "open");
    sale_call_add_number(&call, version);
    err = sale_call_run(&call, ret_reply, NULL);
    sale_call_finish(&call);
    return err;
}

/* --- adjust --- */

static void adjust_init(struct sale_call *call, struct redis_blocking *redis, struct sale_id sale,
                        uint32_t epoch, const char *mode)
{
    static const enum key keys[] = {KEY_META, KEY_STOCK, KEY_HELD, KEY_APPLIED, KEY_BUYERS};

    sale_call_init(call, redis, LUA_SCRIPT_ADJUST, sale, keys, 5);
    sale_call_add_number(call, epoch);
    sale_call_add_text(call, mode);
}

static void add_letters(struct sale_call *call, const struct adjust_letter *letters,
                        uint32_t letter_count)
{
    sale_call_add_number(call, letter_count);
    for (uint32_t i = 0; i < letter_count; i++) {
        char ref[ORDER_NO_TEXT_SIZE];
        char letter = order_state_letter(letters[i].state);

        sale_call_add(call, letters[i].buyer.text, letters[i].buyer.size);
        sale_call_add_text(call, order_ref_format(letters[i].order_no, ref));
        sale_call_add(call, &letter, 1);
    }
}

enum err sale_loader_announce(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                              const struct adjust_units *units, uint32_t unit_count,
                              const struct adjust_letter *letters, uint32_t letter_count,
                              struct sale_reply *ret_reply)
{
    struct sale_call call;
    enum err err;

    ASSERT(unit_count <= ADJUST_UNITS_MAX && letter_count <= ADJUST_LETTERS_MAX);
    adjust_init(&call, redis, sale, epoch, LUA_ADJUST_MODE_ANNOUNCE);
    sale_call_add_number(&call, unit_count);
    for (uint32_t i = 0; i < unit_count; i++) {
        sale_call_add_number(&call, units[i].ledger_id);
        sale_call_add(&call, units[i].sku.text, units[i].sku.size);
        sale_call_add_number(&call, units[i].units);
    }
    add_letters(&call, letters, letter_count);
    err = sale_call_run(&call, ret_reply, NULL);
    sale_call_finish(&call);
    return err;
}

enum err sale_loader_apply(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                           uint64_t version, struct sale_reply *ret_reply)
{
    struct sale_call call;
    enum err err;

    adjust_init(&call, redis, sale, epoch, LUA_ADJUST_MODE_APPLY);
    sale_call_add_number(&call, version);
    err = sale_call_run(&call, ret_reply, NULL);
    sale_call_finish(&call);
    return err;
}

enum err sale_loader_letters(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                             const struct adjust_letter *letters, uint32_t letter_count,
                             struct sale_reply *ret_reply)
{
    struct sale_call call;
    enum err err;

    ASSERT(letter_count <= ADJUST_LETTERS_MAX);
    adjust_init(&call, redis, sale, epoch, LUA_ADJUST_MODE_LETTERS);
    add_letters(&call, letters, letter_count);
    err = sale_call_run(&call, ret_reply, NULL);
    sale_call_finish(&call);
    return err;
}
