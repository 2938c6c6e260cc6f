#include "inventory/catalogue_put.h"

#include "codec/sale_json.h"
#include "common/buf.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_call.h"
#include "inventory/text_cursor.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS_SIZE_MAX = CATALOGUE_PUT_MAX * SALE_JSON_SIZE_MAX };

struct put_sale {
    struct sale_id sale;
    size_t end; /* of its text */
};
struct catalogue_put {
    struct buf texts; /* owned; the definitions, one behind the other */
    struct put_sale sales[CATALOGUE_PUT_MAX];
    uint32_t count;
};

struct catalogue_put *catalogue_put_create(void)
{
    struct catalogue_put *put = calloc(1, sizeof *put);

    if (put) {
        buf_init(&put->texts, TEXTS_SIZE_MAX);
    }
    return put;
}

void catalogue_put_destroy(struct catalogue_put *put)
{
    if (put) {
        buf_finish(&put->texts);
        free(put);
    }
}

/* The sale of the text that was written last. */
static enum err text_added(struct catalogue_put *put, struct sale_id sale)
{
    if (put->texts.failed) {
        return ERR_NO_MEMORY;
    }
    put->sales[put->count++] = (struct put_sale){sale, put->texts.size};
    return ERR_OK;
}

enum err catalogue_put_add(struct catalogue_put *put, const struct sale_definition *definition)
{
    const char *why;

    if (put->count == CATALOGUE_PUT_MAX || sale_check(definition, &why) != ERR_OK) {
        return ERR_RANGE;
    }
    sale_json_write(definition, &put->texts);
    return text_added(put, definition->sale);
}

enum err catalogue_put_add_unreadable(struct catalogue_put *put, struct sale_id sale)
{
    if (put->count == CATALOGUE_PUT_MAX) {
        return ERR_RANGE;
    }
    buf_append(&put->texts, "{}", 2); /* no definition of any version */
    return text_added(put, sale);
}

static enum err read_revision(struct redis_blocking *redis, const struct redis_reply *raw,
                              uint64_t *ret_revision)
{
    struct text_cursor cursor = {0};
    const char *text = NULL;
    size_t size;

    if (redis_reply_count(raw) == 3) {
        text = redis_reply_string(redis_reply_item(raw, 2), &size);
    }
    if (text) {
        cursor = text_cursor(text, size);
    }
    if (!text || !text_take_number(&cursor, INT64_MAX, ret_revision) || !text_is_end(&cursor)) {
        redis_blocking_blame(redis, "catalogue_put: no revision in the reply");
        return ERR_PARSE;
    }
    return ERR_OK;
}

enum err catalogue_put_send(struct catalogue_put *put, struct redis_blocking *redis,
                            uint64_t *ret_revision)
{
    struct redis_reply *raw;
    struct sale_call call;
    uint64_t revision;
    size_t begin = 0;
    enum err err;

    sale_call_init_key(&call, redis, LUA_SCRIPT_CATALOGUE_PUT, KEY_CATALOGUE);
    for (uint32_t i = 0; i < put->count; i++) {
        sale_call_add_number(&call, put->sales[i].sale.value);
        sale_call_add(&call, put->texts.data + begin, put->sales[i].end - begin);
        begin = put->sales[i].end;
    }
    err = sale_call_run(&call, NULL, &raw);
    sale_call_finish(&call);
    if (err == ERR_OK) {
        err = read_revision(redis, raw, &revision);
    }
    if (err == ERR_OK && ret_revision) {
        *ret_revision = revision;
    }
    redis_reply_free(raw);
    return err;
}
