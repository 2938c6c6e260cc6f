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

static void note_unreadable(const struct redis_reply *item, struct outbox_listing *listing)
{
    size_t size = 0;
    const char *id =
        redis_reply_count(item) > 0 ? redis_reply_string(redis_reply_item(item, 0), &size) : NULL;

    if (listing->unreadable_count++ == 0) {
        size = size < sizeof listing->unreadable_id ? size : sizeof listing->unreadable_id - 1;
        memcpy(listing->unreadable_id, id ? id : "", id ? size : 0);
    }
}

/* There is room for all entries and wins of the reply. */
static void read_entries(struct sale_id sale, const struct redis_reply *reply,
                         struct outbox_listed_entry *entries, struct outbox_win *wins,
                         size_t win_room, struct outbox_listing *listing)
{
    size_t used = 0;

    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const struct redis_reply *item = redis_reply_item(reply, i);
        struct outbox_listed_entry *entry = &entries[listing->count];

        if (outbox_entry_win_count(item) > win_room - used
            || outbox_entry_parse(sale, item, wins + used, entry) != ERR_OK) {
            note_unreadable(item, listing);
            continue;
        }
        used += entry->win_count;
        listing->count++;
    }
    listing->entries = entries;
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
    struct outbox_listing listed = {0};
    struct outbox_listed_entry *entries = NULL;
    struct outbox_win *wins = NULL;

    free(arg);
    if (status == ERR_OK && !redis_reply_is_array(reply)) {
        status = ERR_PARSE;
    }
    if (status == ERR_OK) {
        const size_t win_count = count_wins(reply);

        entries = calloc(redis_reply_count(reply) + 1, sizeof *entries);
        wins = calloc(win_count + 1, sizeof *wins);
        if (entries && wins) {
            read_entries(listing.sale, reply, entries, wins, win_count, &listed);
        } else {
            status = ERR_NO_MEMORY;
        }
    }
    listing.done(listing.arg, status, &listed);
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
