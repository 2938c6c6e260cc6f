#include "inventory/own_orders.h"

#include "common/assert.h"
#include "inventory/keys.h"
#include "inventory/order_value.h"
#include "inventory/redis_link.h"
#include "inventory/redis_wire.h"
#include "inventory/sale_state.h"
#include "inventory/script.h"

#include <stdlib.h>
#include <string.h>

struct asking {
    struct redis_link *link; /* borrowed */
    uint64_t request_id;
    struct sale_id sale;
    uint32_t epoch;
    own_orders_fn *done;
    void *arg;
};
struct collected {
    struct order_entry *entries; /* owned */
    uint32_t count, capacity;
};

static enum err collect(void *arg, const struct order_entry *entry)
{
    struct collected *collected = arg;

    if (collected->count == collected->capacity) {
        uint32_t capacity = collected->capacity ? collected->capacity * 2 : 16;
        struct order_entry *entries = reallocarray(collected->entries, capacity, sizeof *entries);

        if (!entries) {
            return ERR_NO_MEMORY;
        }
        collected->entries = entries;
        collected->capacity = capacity;
    }
    collected->entries[collected->count++] = *entry;
    return ERR_OK;
}

/* What a status other than "ok" means to the one who asked. */
static enum err refusal(enum sale_answer answer)
{
    switch (answer) {
    case SALE_ANSWER_GONE:
    case SALE_ANSWER_EPOCH:
    case SALE_ANSWER_REPLID:
    case SALE_ANSWER_LOADING: return ERR_FENCED;
    case SALE_ANSWER_OK:
    case SALE_ANSWER_LATE:
    case SALE_ANSWER_TYPE:
    case SALE_ANSWER_ARGS:
    case SALE_ANSWER_STATE:
    case SALE_ANSWER_FROZEN:
    case SALE_ANSWER_HOLD:
    case SALE_ANSWER_UNCHANGED:
    case SALE_ANSWER_REBUILDING: return ERR_IO;
    case SALE_ANSWER_COUNT: break;
    }
    UNREACHABLE();
}

/* [id, "ok", header, value] */
static enum err read_reply(const struct asking *asking, const struct redis_reply *reply,
                           struct collected *collected, struct sale_head *ret_head)
{
    char id[REDIS_WIRE_NUMBER_SIZE_MAX];
    size_t id_size = (size_t)(redis_wire_number(id, asking->request_id) - id);
    size_t count = redis_reply_count(reply), sizes[4] = {0};
    const char *texts[4] = {0};
    enum sale_answer answer;
    enum err err;

    for (size_t i = 0; i < count && i < 4; i++) {
        texts[i] = redis_reply_string(redis_reply_item(reply, i), &sizes[i]);
    }
    if (!texts[0] || sizes[0] != id_size || memcmp(texts[0], id, id_size) != 0) {
        redis_link_distrust(asking->link, "own_orders: the reply of another request");
        return ERR_LOST;
    }
    if (!texts[1] || sale_answer_parse(texts[1], sizes[1], &answer) != ERR_OK) {
        return ERR_IO;
    }
    if (answer != SALE_ANSWER_OK) {
        return refusal(answer);
    }
    if (count != 4 || !texts[2] || !texts[3]
        || sale_head_parse(texts[2], sizes[2], ret_head) != ERR_OK
        || ret_head->epoch != asking->epoch) {
        return ERR_IO;
    }
    if (sizes[3] == 0) {
        return ERR_OK;
    }
    err = order_value_each(asking->sale, texts[3], sizes[3], collect, collected);
    return err == ERR_PARSE ? ERR_IO : err;
}

static void on_reply(void *arg, enum err status, const struct redis_reply *reply)
{
    struct asking asking = *(struct asking *)arg;
    struct collected collected = {0};
    struct sale_head head = {0};

    free(arg);
    if (status == ERR_OK) {
        status = read_reply(&asking, reply, &collected, &head);
    }
    if (status == ERR_OK) {
        asking.done(asking.arg, ERR_OK,
                    &(struct own_orders){.epoch = head.epoch,
                                         .outbox_first = head.outbox_first,
                                         .count = collected.count,
                                         .entries = collected.entries});
    } else {
        asking.done(asking.arg, status, NULL);
    }
    free(collected.entries);
}

enum err own_orders_read(struct redis_link *link, struct sale_id sale, uint32_t epoch,
                         const struct buyer *buyer, own_orders_fn *done, void *arg)
{
    static const enum key order[3] = {KEY_META, KEY_BUYERS, KEY_OUTBOX};
    struct asking *asking = malloc(sizeof *asking);
    char id[REDIS_WIRE_NUMBER_SIZE_MAX], epoch_text[REDIS_WIRE_NUMBER_SIZE_MAX];
    struct key_text keys[3];
    const char *argv[6];
    size_t sizes[6];
    enum err err;

    if (!asking) {
        return ERR_NO_MEMORY;
    }
    *asking = (struct asking){link, redis_link_next_id(link), sale, epoch, done, arg};
    for (size_t i = 0; i < 3; i++) {
        key_format(sale, order[i], &keys[i]);
        argv[i] = keys[i].text;
        sizes[i] = keys[i].size;
    }
    argv[3] = id;
    sizes[3] = (size_t)(redis_wire_number(id, asking->request_id) - id);
    argv[4] = epoch_text;
    sizes[4] = (size_t)(redis_wire_number(epoch_text, epoch) - epoch_text);
    argv[5] = buyer->text;
    sizes[5] = buyer->size;
    err = redis_link_script(link, script_get(LUA_SCRIPT_OWN_ORDERS), 3, 6, argv, sizes, on_reply,
                            asking);
    if (err != ERR_OK) {
        free(asking);
    }
    return err;
}
