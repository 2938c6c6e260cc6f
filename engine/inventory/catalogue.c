#include "inventory/catalogue.h"

#include "codec/sale_json.h"
#include "common/assert.h"
#include "inventory/keys.h"
#include "inventory/redis_link.h"
#include "inventory/redis_wire.h"
#include "inventory/sale_state.h"
#include "inventory/script.h"
#include "inventory/text_cursor.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct redis_link *link; /* borrowed */
    uint64_t request_id;
    catalogue_fn *done;
    void *arg;
};

static const char *item(const struct redis_reply *reply, size_t index, size_t *ret_size)
{
    *ret_size = 0;
    return index < redis_reply_count(reply)
               ? redis_reply_string(redis_reply_item(reply, index), ret_size)
               : NULL;
}

static enum err read_revision(const struct redis_reply *reply, uint64_t *ret_revision)
{
    size_t size;
    const char *text = item(reply, 2, &size);
    struct text_cursor cursor;

    if (!text) {
        return ERR_PARSE;
    }
    cursor = text_cursor(text, size);
    return text_take_number(&cursor, INT64_MAX, ret_revision) && text_is_end(&cursor) ? ERR_OK
                                                                                      : ERR_PARSE;
}

static void put_unreadable(struct catalogue_read *read, struct sale_id sale)
{
    if (read->unreadable_count == CATALOGUE_UNREADABLE_MAX) {
        read->is_incomplete = true;
        return;
    }
    read->unreadable[read->unreadable_count++] = sale;
}

/* The field and the text behind it. What cannot be read is put down: the others are sold. */
static void read_definition(const struct redis_reply *reply, size_t index,
                            struct sale_definition *definitions, struct catalogue_read *read)
{
    struct sale_definition *definition = &definitions[read->count];
    size_t field_size, size;
    const char *field = item(reply, index, &field_size);
    const char *text = item(reply, index + 1, &size);
    struct sale_id sale;

    if (!field || sale_id_parse(field, field_size, &sale) != ERR_OK) {
        read->is_incomplete = true;
    } else if (!text || sale_json_read(text, size, definition, NULL) != ERR_OK
               || definition->sale.value != sale.value) {
        put_unreadable(read, sale);
    } else {
        read->count++;
    }
}

/* [id, "ok", revision, sale, JSON, sale, JSON, ...]; `*ret_definitions` is the caller's. */
static enum err read_definitions(const struct redis_reply *reply, struct catalogue_read *read,
                                 struct sale_definition **ret_definitions)
{
    const size_t count = redis_reply_count(reply);

    if (count < 3 || count % 2 != 1) {
        return ERR_PARSE;
    }
    struct sale_definition *definitions = calloc((count - 3) / 2 + 1, sizeof *definitions);
    if (!definitions) {
        return ERR_NO_MEMORY;
    }
    *ret_definitions = definitions;
    for (size_t i = 3; i < count; i += 2) {
        read_definition(reply, i, definitions, read);
    }
    read->definitions = definitions;
    return ERR_OK;
}

static enum err read_reply(const struct reading *reading, const struct redis_reply *reply,
                           struct catalogue_read *read, struct sale_definition **ret_definitions)
{
    char id[REDIS_WIRE_NUMBER_SIZE_MAX];
    size_t id_size = (size_t)(redis_wire_number(id, reading->request_id) - id), size;
    const char *text = item(reply, 0, &size);
    enum sale_answer answer;
    enum err err;

    if (!text || size != id_size || memcmp(text, id, size) != 0) {
        redis_link_distrust(reading->link, "catalogue: the reply of another request");
        return ERR_LOST;
    }
    text = item(reply, 1, &size);
    if (!text || sale_answer_parse(text, size, &answer) != ERR_OK) {
        return ERR_PARSE;
    }
    if (answer == SALE_ANSWER_REBUILDING) {
        read->status = CATALOGUE_REBUILDING;
        return ERR_OK;
    }
    if (answer != SALE_ANSWER_OK && answer != SALE_ANSWER_UNCHANGED) {
        return ERR_PARSE;
    }
    err = read_revision(reply, &read->revision);
    if (err != ERR_OK || answer == SALE_ANSWER_UNCHANGED) {
        read->status = CATALOGUE_UNCHANGED;
        return err;
    }
    read->status = CATALOGUE_OK;
    return read_definitions(reply, read, ret_definitions);
}

static void on_reply(void *arg, enum err status, const struct redis_reply *reply)
{
    struct reading reading = *(struct reading *)arg;
    struct catalogue_read read = {0};
    struct sale_definition *definitions = NULL;

    free(arg);
    if (status == ERR_OK) {
        status = read_reply(&reading, reply, &read, &definitions);
    }
    reading.done(reading.arg, status, status == ERR_OK ? &read : NULL);
    free(definitions);
}

enum err catalogue_read(struct redis_link *link, uint64_t known_revision, catalogue_fn *done,
                        void *arg)
{
    struct reading *reading = malloc(sizeof *reading);
    char id[REDIS_WIRE_NUMBER_SIZE_MAX], revision[REDIS_WIRE_NUMBER_SIZE_MAX];
    size_t revision_size = 0;
    enum err err;

    if (!reading) {
        return ERR_NO_MEMORY;
    }
    *reading = (struct reading){link, redis_link_next_id(link), done, arg};
    if (known_revision != 0) {
        revision_size = (size_t)(redis_wire_number(revision, known_revision) - revision);
    }
    err = redis_link_script(
        link, script_get(LUA_SCRIPT_CATALOGUE), 1, 3,
        (const char *const[]){KEY_CATALOGUE, id, revision},
        (const size_t[]){sizeof KEY_CATALOGUE - 1,
                         (size_t)(redis_wire_number(id, reading->request_id) - id), revision_size},
        on_reply, reading);
    if (err != ERR_OK) {
        free(reading);
    }
    return err;
}
