#include "inventory/buyer_scan.h"

#include "inventory/keys.h"
#include "inventory/redis_link.h"

#include <stdlib.h>
#include <string.h>

enum { CURSOR_SIZE_MAX = 20 };

struct scan {
    struct redis_link *link; /* borrowed */
    uint64_t generation;     /* of the link: a scan does not outlive it */
    struct buyer_scan scan;
    struct key_text key;
    char cursor[CURSOR_SIZE_MAX + 1];
};

static void on_slice(void *arg, enum err status, const struct redis_reply *reply);

static void end(struct scan *scan, enum err status)
{
    struct buyer_scan told = scan->scan;

    free(scan);
    told.done(told.arg, status);
}

static enum err ask_slice(struct scan *scan)
{
    return redis_link_command(
        scan->link, 5,
        (const char *const[]){"HSCAN", scan->key.text, scan->cursor, "COUNT", "1000"},
        (const size_t[]){5, scan->key.size, strlen(scan->cursor), 5, 4}, on_slice, scan);
}

/* [cursor, [buyer, value, ...]] */
static enum err take_slice(struct scan *scan, const struct redis_reply *reply)
{
    const struct redis_reply *items;
    const char *cursor = NULL;
    size_t size = 0;

    if (redis_reply_count(reply) == 2) {
        cursor = redis_reply_string(redis_reply_item(reply, 0), &size);
    }
    if (!cursor || size == 0 || size > CURSOR_SIZE_MAX) {
        return ERR_PARSE;
    }
    memcpy(scan->cursor, cursor, size);
    scan->cursor[size] = '\0';
    items = redis_reply_item(reply, 1);
    if (!redis_reply_is_array(items) || redis_reply_count(items) % 2 != 0) {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < redis_reply_count(items); i += 2) {
        const char *buyer = redis_reply_string(redis_reply_item(items, i), &size);

        if (!buyer) {
            return ERR_PARSE;
        }
        scan->scan.on_buyer(scan->scan.arg, buyer, size);
    }
    return ERR_OK;
}

static void on_slice(void *arg, enum err status, const struct redis_reply *reply)
{
    struct scan *scan = arg;

    if (status == ERR_OK) {
        status = take_slice(scan, reply);
    }
    if (status != ERR_OK || strcmp(scan->cursor, "0") == 0) {
        end(scan, status);
        return;
    }
    status = redis_link_generation(scan->link) == scan->generation ? ask_slice(scan) : ERR_LOST;
    if (status != ERR_OK) {
        end(scan, status == ERR_UNAVAILABLE ? ERR_LOST : status);
    }
}

static void on_size(void *arg, enum err status, const struct redis_reply *reply)
{
    struct scan *scan = arg;
    int64_t count = 0;

    if (status == ERR_OK && (!redis_reply_integer(reply, &count) || count < 0)) {
        status = ERR_PARSE;
    }
    if (status == ERR_OK) {
        scan->scan.on_size(scan->scan.arg, (uint64_t)count);
        status = ask_slice(scan);
    }
    if (status != ERR_OK) {
        end(scan, status == ERR_UNAVAILABLE ? ERR_LOST : status);
    }
}

enum err buyer_scan_start(struct redis_link *link, struct sale_id sale,
                          const struct buyer_scan *told)
{
    struct scan *scan = malloc(sizeof *scan);
    enum err err;

    if (!scan) {
        return ERR_NO_MEMORY;
    }
    *scan = (struct scan){
        .link = link, .generation = redis_link_generation(link), .scan = *told, .cursor = "0"};
    key_format(sale, KEY_BUYERS, &scan->key);
    err = redis_link_command(link, 2, (const char *const[]){"HLEN", scan->key.text},
                             (const size_t[]){4, scan->key.size}, on_size, scan);
    if (err != ERR_OK) {
        free(scan);
    }
    return err;
}
