#include "inventory/sale_marks.h"

#include <string.h>

#include "common/assert.h"
#include "common/buf.h"
#include "inventory/keys.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_handshake.h"
#include "inventory/redis_wire.h"
#include "inventory/text_cursor.h"

enum {
    COMMANDS_SIZE_MAX = 1024 * 1024,
    HEAD_COMMANDS = 2, /* INFO and the catalogue's own mark; then two for each sale */
    REPLID_SIZE = 40,
};

struct reading {
    struct redis_blocking *redis;
    char replid[REPLID_SIZE]; /* the server's */
    struct sale_marks_server server;
    struct sale_mark *marks;
};

static void add(struct buf *commands, uint32_t argc, const char *const *argv)
{
    size_t sizes[5];

    for (uint32_t i = 0; i < argc; i++) {
        sizes[i] = strlen(argv[i]);
    }
    redis_wire_command(commands, argc, argv, sizes);
}

static void write_commands(struct buf *commands, const struct sale_id *sales, uint32_t count)
{
    add(commands, 2, (const char *const[]){"INFO", "replication"});
    add(commands, 3, (const char *const[]){"HGET", KEY_CATALOGUE, "replid"});
    for (uint32_t i = 0; i < count; i++) {
        char number[REDIS_WIRE_NUMBER_SIZE_MAX + 1];
        struct key_text meta;

        key_format(sales[i], KEY_META, &meta);
        add(commands, 5, (const char *const[]){"HMGET", meta.text, "epoch", "replid", "state"});
        *redis_wire_number(number, sales[i].value) = '\0';
        add(commands, 3, (const char *const[]){"HEXISTS", KEY_CATALOGUE, number});
    }
}

static enum err read_info(struct reading *reading, const struct redis_reply *reply)
{
    const char *role = NULL, *replid = NULL;
    size_t size = 0, role_size = 0, replid_size = 0;
    const char *info = redis_reply_string(reply, &size);

    if (info) {
        role = redis_info_field(info, size, "role", &role_size);
        replid = redis_info_field(info, size, "master_replid", &replid_size);
    }
    if (!role || !replid || replid_size != REPLID_SIZE) {
        redis_blocking_blame(reading->redis, "INFO replication: a field is missing");
        return ERR_PARSE;
    }
    reading->server.is_primary = role_size == 6 && memcmp(role, "master", 6) == 0;
    memcpy(reading->replid, replid, REPLID_SIZE);
    return ERR_OK;
}

static bool is_own(const struct reading *reading, const char *text, size_t size)
{
    return text && size == REPLID_SIZE && memcmp(text, reading->replid, REPLID_SIZE) == 0;
}

static bool read_epoch(const char *text, size_t size, uint32_t *ret_epoch)
{
    struct text_cursor cursor;
    uint64_t epoch = 0;

    if (!text) {
        return false;
    }
    cursor = text_cursor(text, size);
    if (!text_take_number(&cursor, EPOCH_MAX, &epoch) || !text_is_end(&cursor)) {
        return false;
    }
    *ret_epoch = (uint32_t)epoch;
    return true;
}

static void read_meta(const struct reading *reading, const struct redis_reply *reply,
                      struct sale_mark *mark)
{
    const char *texts[3];
    size_t sizes[3];

    mark->kind = SALE_MARK_GARBAGE;
    if (redis_reply_count(reply) != 3) {
        return; /* an error: the key is no hash */
    }
    for (uint32_t i = 0; i < 3; i++) {
        texts[i] = redis_reply_string(redis_reply_item(reply, i), &sizes[i]);
    }
    if (!texts[0] && !texts[1] && !texts[2]) {
        mark->kind = SALE_MARK_GONE;
    } else if (read_epoch(texts[0], sizes[0], &mark->epoch) && texts[1] && texts[2]
               && sale_state_parse(texts[2], sizes[2], &mark->state) == ERR_OK) {
        mark->kind = is_own(reading, texts[1], sizes[1]) ? SALE_MARK_FITS : SALE_MARK_OTHER;
    }
}

/* An error that is not about the key: nobody is served now, and nothing can be told of a sale. */
static enum err judge_error(struct reading *reading, const struct redis_reply *reply)
{
    size_t size = 0;
    const char *text = redis_reply_text(reply, &size);

    if (!redis_reply_is_error(reply) || (text && strncmp(text, "WRONGTYPE", 9) == 0)) {
        return ERR_OK;
    }
    redis_blocking_blame(reading->redis, text);
    return ERR_REFUSED;
}

static enum err on_reply(void *arg, uint32_t index, const struct redis_reply *reply)
{
    struct reading *reading = arg;
    const enum err err = judge_error(reading, reply);
    size_t size = 0;
    int64_t there = 0;

    if (err != ERR_OK) {
        return err;
    }
    if (index == 0) {
        return read_info(reading, reply);
    }
    if (index == 1) {
        const char *replid = redis_reply_string(reply, &size);
        reading->server.has_catalogue = is_own(reading, replid, size);
        return ERR_OK;
    }
    struct sale_mark *mark = &reading->marks[(index - HEAD_COMMANDS) / 2];
    if (index % 2 == 0) {
        read_meta(reading, reply, mark);
    } else {
        mark->is_listed = redis_reply_integer(reply, &there) && there == 1;
    }
    return ERR_OK;
}

enum err sale_marks_read(struct redis_blocking *redis, const struct sale_id *sales, uint32_t count,
                         struct sale_marks_server *ret_server, struct sale_mark *ret_marks)
{
    struct reading reading = {.redis = redis, .marks = ret_marks};
    struct buf commands;

    ASSERT(count <= SALE_MARKS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        ret_marks[i] = (struct sale_mark){.kind = SALE_MARK_GONE};
    }
    buf_init(&commands, COMMANDS_SIZE_MAX);
    write_commands(&commands, sales, count);
    const enum err err =
        redis_blocking_many(redis, &commands, HEAD_COMMANDS + 2 * count, on_reply, &reading);
    buf_finish(&commands);
    if (err == ERR_OK) {
        *ret_server = reading.server;
    }
    return err;
}
