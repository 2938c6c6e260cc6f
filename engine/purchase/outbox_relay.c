/* outbox_relay.c: sweep → take the lease → list the oldest entries → produce those that are old →
 * acknowledge.
 *
 * A look is one sale in one sweep; it remembers nothing. What was seen when is in `watched`, one
 * per sale that has something in its outbox. A replay is one entry being produced again. */
#include "purchase/outbox_relay.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/outbox.h"
#include "inventory/outbox_reader.h"
#include "inventory/redis_link.h"
#include "journal/order_log.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "purchase/sale_board.h"

enum { COLD_SALES_PER_SWEEP = 16, HOT_SALES_PER_SWEEP = 48 };
static const char NEXT_BY_HAND[] =
    "it stays in the outbox; RUNBOOK: an outbox entry that cannot be read";

enum { LOOKS_MAX = RELAY_SALES_MAX + COLD_SALES_PER_SWEEP + HOT_SALES_PER_SWEEP };

struct seen_entry {
    uint32_t epoch, first_seq;
    int64_t since_us; /* start of the first sweep that saw it */
};

struct watched {
    struct sale_id sale; /* 0: free */
    uint32_t count;
    uint32_t unreadable_count; /* room that the next listing needs for them */
    struct seen_entry entries[RELAY_ENTRIES_MAX];
};

struct look {
    struct outbox_relay *relay; /* borrowed */
    struct sale_id sale;        /* 0: free */
    int64_t began_us;
};

struct replay {
    struct outbox_relay *relay; /* borrowed */
    struct sale_id sale;        /* 0: free */
    uint32_t epoch, first_seq;
    uint32_t awaited; /* reports */
    bool has_failed;
    uint64_t generation; /* of the link on which the entry was listed */
};

struct outbox_relay {
    struct loop *loop; /* borrowed, like the next five */
    struct redis_link *link;
    struct outbox *outbox;
    struct order_log *order_log;
    struct sale_board *board;
    struct metrics_shard *shard; /* or NULL */
    uint32_t sweep_ms, lease_ms;
    int64_t age_us;
    uint64_t token; /* ours in the lease; never 0 */
    struct timer timer;
    uint32_t hot_next;   /* where the search for sales with something in the outbox goes on */
    uint32_t cold_next;  /* where the rotation over all sales goes on */
    uint32_t held_count; /* leases held in this sweep */
    uint32_t bad_count;  /* entries seen in it that cannot be produced again */
    struct look looks[LOOKS_MAX];
    struct watched watched[RELAY_SALES_MAX];
    struct replay replays[RELAY_REPLAYS_MAX];
};

static struct watched *find_watched(struct outbox_relay *relay, struct sale_id sale)
{
    for (uint32_t i = 0; i < RELAY_SALES_MAX; i++) {
        if (relay->watched[i].sale.value == sale.value) {
            return &relay->watched[i];
        }
    }
    return NULL;
}

static bool is_being_replayed(const struct outbox_relay *relay, struct sale_id sale, uint32_t epoch,
                              uint32_t first_seq)
{
    for (uint32_t i = 0; i < RELAY_REPLAYS_MAX; i++) {
        const struct replay *replay = &relay->replays[i];
        if (replay->sale.value == sale.value && replay->epoch == epoch
            && replay->first_seq == first_seq) {
            return true;
        }
    }
    return false;
}

/* The last report has come. A failed one leaves the entry to a later sweep; so does a new link, on
 * which whatever was to be acknowledged is forgotten. */
static void end_replay(struct replay *replay)
{
    struct outbox_relay *relay = replay->relay;

    if (!replay->has_failed && replay->generation == redis_link_generation(relay->link)) {
        outbox_acknowledge(relay->outbox, replay->sale, replay->epoch, replay->first_seq);
    }
    replay->sale.value = 0;
}

static void on_reported(void *arg, enum err status)
{
    struct replay *replay = arg;

    ASSERT(replay->sale.value != 0 && replay->awaited > 0);
    if (status != ERR_OK) {
        replay->has_failed = true;
    }
    if (--replay->awaited == 0) {
        end_replay(replay);
    }
}

/* False: the sale's definition has no such sku, or the values are none that the log takes. */
static bool make_record(const struct sale_definition *definition, const struct outbox_win *win,
                        struct order_record *record)
{
    struct order_terms terms;

    if (order_terms_of(definition, &win->entry.sku, &terms) != ERR_OK) {
        return false;
    }
    order_record_make(&win->entry, &win->buyer, &terms, &win->traceparent, record);
    return order_record_check(record) == ERR_OK;
}

/* Whether a record can be made of each win: it will not get better by trying. */
static bool can_be_produced(const struct sale_definition *definition,
                            const struct outbox_listed_entry *entry)
{
    struct order_record record;

    for (uint32_t i = 0; i < entry->win_count; i++) {
        if (!make_record(definition, &entry->wins[i], &record)) {
            return false;
        }
    }
    return true;
}

static struct replay *take_replay(struct outbox_relay *relay)
{
    for (uint32_t i = 0; i < RELAY_REPLAYS_MAX; i++) {
        if (relay->replays[i].sale.value == 0) {
            return &relay->replays[i];
        }
    }
    return NULL;
}

/* False: the log takes no more now, or all replays are under way. */
static bool produce_again(struct outbox_relay *relay, const struct board_sale *sale,
                          const struct outbox_listed_entry *entry)
{
    struct replay *replay = take_replay(relay);
    if (replay == NULL) {
        return false;
    }
    FAILPOINT_PASS(entry_found);
    *replay = (struct replay){.relay = relay,
                              .sale = sale->definition.sale,
                              .epoch = entry->epoch,
                              .first_seq = entry->first_seq,
                              .generation = redis_link_generation(relay->link)};
    for (uint32_t i = 0; i < entry->win_count && !replay->has_failed; i++) {
        struct order_record record;
        if (!make_record(&sale->definition, &entry->wins[i], &record)
            || order_log_append(relay->order_log, &record, on_reported, replay) != ERR_OK) {
            replay->has_failed = true;
        } else {
            replay->awaited++;
        }
    }
    FAILPOINT_PASS(entry_relayed);
    bool all = !replay->has_failed;
    metrics_add(relay->shard, METRIC_relay_records_total, 0, replay->awaited);
    LOG_INFO("outbox_entry_relayed", KV_U64("sale", replay->sale.value),
             KV_U64("epoch", entry->epoch), KV_U64("first_seq", entry->first_seq),
             KV_U64("wins", entry->win_count), KV_BOOL("all_taken", all));
    if (replay->awaited == 0) {
        replay->sale.value = 0;
    }
    return all;
}

static int64_t seen_since_us(const struct watched *watched, const struct outbox_listed_entry *entry,
                             int64_t now_us)
{
    for (uint32_t i = 0; i < watched->count; i++) {
        const struct seen_entry *seen = &watched->entries[i];
        if (seen->epoch == entry->epoch && seen->first_seq == entry->first_seq) {
            return seen->since_us;
        }
    }
    return now_us;
}

/* What is listed now takes the place of what was; an entry that stayed keeps its time. */
static void watch(struct watched *watched, const struct outbox_listed_entry *entries,
                  uint32_t count, int64_t now_us)
{
    struct seen_entry now[RELAY_ENTRIES_MAX];

    ASSERT(count <= RELAY_ENTRIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        now[i] = (struct seen_entry){.epoch = entries[i].epoch,
                                     .first_seq = entries[i].first_seq,
                                     .since_us = seen_since_us(watched, &entries[i], now_us)};
    }
    memcpy(watched->entries, now, count * sizeof now[0]);
    watched->count = count;
    if (count + watched->unreadable_count == 0) {
        watched->sale.value = 0;
    }
}

static void relay_old(struct look *look, const struct watched *watched,
                      const struct outbox_listed_entry *entries, uint32_t count)
{
    struct outbox_relay *relay = look->relay;
    const struct board_sale *sale = sale_board_look(relay->board, look->sale);

    for (uint32_t i = 0; sale != NULL && i < count; i++) {
        const struct outbox_listed_entry *entry = &entries[i];
        if (watched->entries[i].since_us > look->began_us - relay->age_us
            || outbox_is_underway(relay->outbox, look->sale, entry->epoch, entry->first_seq)
            || is_being_replayed(relay, look->sale, entry->epoch, entry->first_seq)) {
            continue;
        }
        if (!can_be_produced(&sale->definition, entry)) {
            relay->bad_count++;
            LOG_ERROR("outbox_entry_unknown", KV_U64("sale", look->sale.value),
                      KV_U64("epoch", entry->epoch), KV_U64("first_seq", entry->first_seq),
                      KV_STR("next", NEXT_BY_HAND));
            continue;
        }
        if (!produce_again(relay, sale, entry)) {
            return;
        }
    }
}

static void tell_unreadable(struct look *look, const struct outbox_listing *listing)
{
    if (listing->unreadable_count > 0) {
        look->relay->bad_count += listing->unreadable_count;
        LOG_ERROR("outbox_entry_unreadable", KV_U64("sale", look->sale.value),
                  KV_STR("first", listing->unreadable_id),
                  KV_U64("count", listing->unreadable_count), KV_STR("next", NEXT_BY_HAND));
    }
}

static void on_listed(void *arg, enum err status, const struct outbox_listing *listing)
{
    struct look *look = arg;
    struct outbox_relay *relay = look->relay;

    if (status == ERR_OK) {
        const uint32_t count =
            listing->count < RELAY_ENTRIES_MAX ? listing->count : RELAY_ENTRIES_MAX;
        struct watched *watched = find_watched(relay, look->sale);
        if (watched == NULL && listing->count + listing->unreadable_count > 0) {
            watched = find_watched(relay, (struct sale_id){0});
        }
        tell_unreadable(look, listing);
        if (watched != NULL) { /* else all are taken: a later sweep finds room */
            watched->sale = look->sale;
            watched->unreadable_count = listing->unreadable_count;
            watch(watched, listing->entries, count, look->began_us);
            relay_old(look, watched, listing->entries, count);
        }
    } else if (status == ERR_PARSE || status == ERR_RANGE) {
        LOG_ERROR("outbox_unreadable", KV_U64("sale", look->sale.value),
                  KV_STR("next", "load the sale again"));
    }
    look->sale.value = 0;
}

/* As many as are watched, behind those that cannot be read: they keep no other one back. */
static uint32_t list_max(struct outbox_relay *relay, struct sale_id sale)
{
    const struct watched *watched = find_watched(relay, sale);
    const uint32_t max = RELAY_ENTRIES_MAX + (watched ? watched->unreadable_count : 0);

    return max < OUTBOX_LIST_MAX ? max : OUTBOX_LIST_MAX;
}

static void on_lease(void *arg, enum err status, bool held)
{
    struct look *look = arg;
    struct outbox_relay *relay = look->relay;

    if (status == ERR_OK && held) {
        relay->held_count++;
        if (outbox_list(relay->link, look->sale, list_max(relay, look->sale), on_listed, look)
            == ERR_OK) {
            return;
        }
    }
    look->sale.value = 0;
}

static struct look *take_look(struct outbox_relay *relay, struct sale_id sale)
{
    struct look *found = NULL;

    for (uint32_t i = 0; i < LOOKS_MAX; i++) {
        if (relay->looks[i].sale.value == sale.value) {
            return NULL; /* the last one is still under way */
        }
        if (relay->looks[i].sale.value == 0 && found == NULL) {
            found = &relay->looks[i];
        }
    }
    return found;
}

static void look_at(struct outbox_relay *relay, struct sale_id sale)
{
    struct look *look = take_look(relay, sale);
    if (look == NULL) {
        return;
    }
    *look = (struct look){.relay = relay, .sale = sale, .began_us = loop_clock_us(relay->loop)};
    if (outbox_take_lease(relay->link, sale, relay->token, relay->lease_ms, on_lease, look)
        != ERR_OK) {
        look->sale.value = 0;
    }
}

/* Sales whose outbox is known to hold something come first; the others in turn, because a dead
 * engine's sale may be one that nobody asks for. A sale that is looked at already is not looked at
 * twice. */
static void sweep(struct outbox_relay *relay)
{
    uint32_t count = sale_board_count(relay->board);
    uint32_t taken = 0, i = 0;

    for (i = 0; i < RELAY_SALES_MAX; i++) {
        if (relay->watched[i].sale.value != 0) {
            look_at(relay, relay->watched[i].sale);
        }
    }
    for (i = 0; i < count && taken < HOT_SALES_PER_SWEEP; i++) {
        const struct board_sale *sale = sale_board_at(relay->board, (relay->hot_next + i) % count);
        if (sale->view.outbox_first != 0 && find_watched(relay, sale->definition.sale) == NULL) {
            taken++;
            look_at(relay, sale->definition.sale);
        }
    }
    relay->hot_next += i;
    for (i = 0; i < count && i < COLD_SALES_PER_SWEEP; i++) {
        relay->cold_next = (relay->cold_next + 1) % count;
        look_at(relay, sale_board_at(relay->board, relay->cold_next)->definition.sale);
    }
}

static void on_timer(void *arg)
{
    struct outbox_relay *relay = arg;

    metrics_set(relay->shard, METRIC_relay_leases, 0, relay->held_count);
    metrics_set(relay->shard, METRIC_outbox_unreadable, 0, relay->bad_count);
    relay->held_count = relay->bad_count = 0;
    if (redis_link_is_up(relay->link)) {
        sweep(relay);
    }
    timer_start_ms(&relay->timer, relay->sweep_ms);
}

struct outbox_relay *outbox_relay_create(const struct outbox_relay_options *options)
{
    struct outbox_relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL) {
        return NULL;
    }
    relay->loop = options->loop;
    relay->link = options->link;
    relay->outbox = options->outbox;
    relay->order_log = options->order_log;
    relay->board = options->board;
    relay->shard = options->shard;
    relay->sweep_ms = options->sweep_ms;
    relay->lease_ms = options->lease_ms;
    relay->age_us = (int64_t)options->age_ms * 1000;
    relay->token = loop_random(relay->loop) | 1;
    timer_init(&relay->timer, relay->loop, on_timer, relay);
    timer_start_ms(&relay->timer, relay->sweep_ms);
    return relay;
}

void outbox_relay_destroy(struct outbox_relay *relay)
{
    if (relay == NULL) {
        return;
    }
    timer_stop(&relay->timer);
    free(relay);
}
