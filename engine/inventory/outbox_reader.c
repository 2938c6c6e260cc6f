#include "inventory/outbox_reader.h"

#include "common/assert.h"
#include "inventory/keys.h"
#include "inventory/redis_link.h"
#include "inventory/redis_wire.h"
#include "inventory/script.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    struct sale_id sale;
    outbox_list_fn *done;
    void *arg;
};

/* Room for all wins and entries of the reply, in one block. */
static enum err read_entries(struct sale_id sale, const struct redis_reply *reply,
                             struct outbox_listed_entry *entries, struct outbox_win *wins,
                             size_t win_room)
{
    size_t count = redis_reply_count(reply), used = 0;

    for (size_t i = 0; i < count; i++) {
        const struct redis_reply *item = redis_reply_item(reply, i);

        if (outbox_entry_win_count(item) > win_room - used
            || outbox_entry_parse(sale, item, wins + used, &entries[i]) != ERR_OK) {
            return ERR_PARSE;
        }
        used += entries[i].win_count;
    }
    return ERR_OK;
}

static size_t count_wins(const struct redis_reply *reply)
{
    size_t wins = 0;

    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        wins += outbox_entry_win_count(redis_reply_item(reply, i));
    }
    return wins;
}

static void on_listed(void *arg, enum err status, const struct redis_reply *reply)
{
    struct listing listing = *(struct listing *)arg;
    struct outbox_listed_entry *entries = NULL;
    struct outbox_win *wins = NULL;
    size_t count = 0, win_count;

    free(arg);
    if (status == ERR_OK) {
        count = redis_reply_count(reply);
        win_count = count_wins(reply);
        entries = calloc(count + 1, sizeof *entries);
        wins = calloc(win_count + 1, sizeof *wins);
        status = !redis_reply_is_array(reply) ? ERR_PARSE
                 : !entries || !wins          ? ERR_NO_MEMORY
                                     : read_entries(listing.sale, reply, entries, wins, win_count);
    }
    listing.done(listing.arg, status, entries, status == ERR_OK ? (uint32_t)count : 0);
    free(entries);
    free(wins);
}

enum err outbox_list(struct redis_link *link, struct sale_id sale, uint32_t max,
                     outbox_list_fn *done, void *arg)
{
    struct listing *listing = malloc(sizeof *listing);
    char count[REDIS_WIRE_NUMBER_SIZE_MAX];
    struct key_text key;
    enum err err;

    ASSERT(max >= 1 && max <= OUTBOX_LIST_MAX);
    if (!listing) {
        return ERR_NO_MEMORY;
    }
    *listing = (struct listing){sale, done, arg};
    key_format(sale, KEY_OUTBOX, &key);
    err = redis_link_command(
        link, 6, (const char *const[]){"XRANGE", key.text, "-", "+", "COUNT", count},
        (const size_t[]){6, key.size, 1, 1, 5, (size_t)(redis_wire_number(count, max) - count)},
        on_listed, listing);
    if (err != ERR_OK) {
        free(listing);
    }
    return err;
}

struct leasing {
    struct redis_link *link;
    uint64_t request_id;
    outbox_lease_fn *done;
    void *arg;
};

static bool item_is(const struct redis_reply *reply, size_t index, const char *word)
{
    size_t size;
    const char *text = redis_reply_string(redis_reply_item(reply, index), &size);

    return text && size == strlen(word) && memcmp(text, word, size) == 0;
}

static enum err read_lease(const struct leasing *leasing, const struct redis_reply *reply,
                           bool *ret_held)
{
    char id[REDIS_WIRE_NUMBER_SIZE_MAX + 1];

    *redis_wire_number(id, leasing->request_id) = '\0';
    if (redis_reply_count(reply) != 2 || !item_is(reply, 0, id)) {
        redis_link_distrust(leasing->link, "relay_lease: the reply of another request");
        return ERR_LOST;
    }
    *ret_held = item_is(reply, 1, LUA_RELAY_LEASE_STATUS_HELD);
    return *ret_held || item_is(reply, 1, LUA_RELAY_LEASE_STATUS_OTHER) ? ERR_OK : ERR_PARSE;
}

static void on_leased(void *arg, enum err status, const struct redis_reply *reply)
{
    struct leasing leasing = *(struct leasing *)arg;
    bool held = false;

    free(arg);
    if (status == ERR_OK) {
        status = read_lease(&leasing, reply, &held);
    }
    leasing.done(leasing.arg, status, status == ERR_OK && held);
}

enum err outbox_take_lease(struct redis_link *link, struct sale_id sale, uint64_t token,
                           uint32_t lease_ms, outbox_lease_fn *done, void *arg)
{
    struct leasing *leasing = malloc(sizeof *leasing);
    char numbers[3][REDIS_WIRE_NUMBER_SIZE_MAX];
    const char *argv[4];
    size_t sizes[4];
    struct key_text key;
    enum err err;

    if (!leasing) {
        return ERR_NO_MEMORY;
    }
    *leasing = (struct leasing){link, redis_link_next_id(link), done, arg};
    key_format(sale, KEY_RELAY, &key);
    argv[0] = key.text;
    sizes[0] = key.size;
    for (int i = 0; i < 3; i++) {
        const uint64_t values[3] = {leasing->request_id, token, lease_ms};

        argv[i + 1] = numbers[i];
        sizes[i + 1] = (size_t)(redis_wire_number(numbers[i], values[i]) - numbers[i]);
    }
    err = redis_link_script(link, script_get(LUA_SCRIPT_RELAY_LEASE), 1, 4, argv, sizes, on_leased,
                            leasing);
    if (err != ERR_OK) {
        free(leasing);
    }
    return err;
}
