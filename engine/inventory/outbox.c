/* state         event                        next
 * WAITING       last win reported            ACKNOWLEDGED  (in its sale's list, oldest first)
 * WAITING       a win abandoned              gone          the relay finds the entry in Redis
 * ACKNOWLEDGED  taken into a call            gone          returned when the call did not pass
 * any           new link                     gone */
#include "inventory/outbox.h"

#include "common/assert.h"
#include "common/failpoint.h"
#include "common/hash.h"
#include "common/metrics.h"
#include "common/slab.h"
#include "loop/loop.h"

#include <stdlib.h>

struct entry {
    struct entry *chain;       /* next in the same bucket */
    struct entry *next, *prev; /* WAITING: all, oldest first. ACKNOWLEDGED: of the sale */
    struct sale_id sale;
    uint32_t epoch, first_seq;
    uint32_t unreported; /* 0: ACKNOWLEDGED */
    int64_t since_us;    /* won, or acknowledged */
};
struct entry_list {
    struct entry *oldest, *newest;
};
/* A sale with acknowledgements that wait. */
struct acked_sale {
    struct acked_sale *chain;
    struct acked_sale *next, *prev;
    struct sale_id sale;
    struct entry_list acks;
};

struct outbox {
    struct outbox_options options;
    struct slab *entries, *sales;     /* owned */
    struct entry **entry_buckets;     /* owned; bucket_count of them */
    struct acked_sale **sale_buckets; /* owned; bucket_count of them */
    uint32_t bucket_count;            /* a power of two */
    uint32_t waiting_count;
    struct entry_list waiting;
    struct acked_sale *first_sale;
};

/* --- lists and tables --- */

static void list_append(struct entry_list *list, struct entry *entry)
{
    entry->next = NULL;
    entry->prev = list->newest;
    *(list->newest ? &list->newest->next : &list->oldest) = entry;
    list->newest = entry;
}

static void list_remove(struct entry_list *list, struct entry *entry)
{
    *(entry->prev ? &entry->prev->next : &list->oldest) = entry->next;
    *(entry->next ? &entry->next->prev : &list->newest) = entry->prev;
}

static uint32_t bucket_of(const struct outbox *outbox, const void *key, size_t size)
{
    return (uint32_t)hash64(key, size, 0) & (outbox->bucket_count - 1);
}

static struct entry **entry_bucket(const struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                                   uint32_t first_seq)
{
    const uint32_t key[3] = {sale.value, epoch, first_seq};

    return &outbox->entry_buckets[bucket_of(outbox, key, sizeof key)];
}

static struct acked_sale **sale_bucket(const struct outbox *outbox, struct sale_id sale)
{
    return &outbox->sale_buckets[bucket_of(outbox, &sale.value, sizeof sale.value)];
}

static struct entry *find_entry(const struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                                uint32_t first_seq)
{
    struct entry *entry = *entry_bucket(outbox, sale, epoch, first_seq);

    while (entry
           && (entry->sale.value != sale.value || entry->epoch != epoch
               || entry->first_seq != first_seq)) {
        entry = entry->chain;
    }
    return entry;
}

static struct acked_sale *find_sale(const struct outbox *outbox, struct sale_id sale)
{
    struct acked_sale *acked = *sale_bucket(outbox, sale);

    while (acked && acked->sale.value != sale.value) {
        acked = acked->chain;
    }
    return acked;
}

/* NULL: no room. */
static struct acked_sale *find_or_add_sale(struct outbox *outbox, struct sale_id sale)
{
    struct acked_sale **bucket = sale_bucket(outbox, sale);
    struct acked_sale *acked = find_sale(outbox, sale);

    if (acked) {
        return acked;
    }
    acked = slab_take(outbox->sales);
    if (acked) {
        acked->sale = sale;
        acked->chain = *bucket;
        *bucket = acked;
        acked->next = outbox->first_sale;
        if (acked->next) {
            acked->next->prev = acked;
        }
        outbox->first_sale = acked;
    }
    return acked;
}

static void drop_sale_if_empty(struct outbox *outbox, struct acked_sale *acked)
{
    struct acked_sale **place = sale_bucket(outbox, acked->sale);

    if (acked->acks.oldest) {
        return;
    }
    while (*place != acked) {
        place = &(*place)->chain;
    }
    *place = acked->chain;
    *(acked->prev ? &acked->prev->next : &outbox->first_sale) = acked->next;
    if (acked->next) {
        acked->next->prev = acked->prev;
    }
    slab_give(outbox->sales, acked);
}

/* Out of the table and back to the slab; it is in no list any more. */
static void drop_entry(struct outbox *outbox, struct entry *entry)
{
    struct entry **place = entry_bucket(outbox, entry->sale, entry->epoch, entry->first_seq);

    while (*place != entry) {
        place = &(*place)->chain;
    }
    *place = entry->chain;
    slab_give(outbox->entries, entry);
}

static struct entry *add_entry(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                               uint32_t first_seq)
{
    struct entry **bucket = entry_bucket(outbox, sale, epoch, first_seq);
    struct entry *entry = slab_take(outbox->entries);

    if (entry) {
        entry->sale = sale;
        entry->epoch = epoch;
        entry->first_seq = first_seq;
        entry->since_us = loop_clock_us(outbox->options.loop);
        entry->chain = *bucket;
        *bucket = entry;
    }
    return entry;
}

static void note_depth(const struct outbox *outbox)
{
    metrics_set(outbox->options.shard, METRIC_outbox_depth, 0, outbox->waiting_count);
}

static void end_waiting(struct outbox *outbox, struct entry *entry)
{
    list_remove(&outbox->waiting, entry);
    outbox->waiting_count--;
    note_depth(outbox);
}

/* No room for the sale: forgotten, the relay finds it. */
static void acknowledge(struct outbox *outbox, struct entry *entry)
{
    struct acked_sale *acked = find_or_add_sale(outbox, entry->sale);

    entry->unreported = 0;
    entry->since_us = loop_clock_us(outbox->options.loop);
    if (acked) {
        list_append(&acked->acks, entry);
    } else {
        drop_entry(outbox, entry);
    }
}

/* --- the outside --- */

struct outbox *outbox_create(const struct outbox_options *options)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);

    ASSERT(options->entries_max > 0);
    if (!outbox) {
        return NULL;
    }
    outbox->options = *options;
    outbox->bucket_count = 16;
    while (outbox->bucket_count < options->entries_max) {
        outbox->bucket_count *= 2;
    }
    outbox->entries = slab_create(sizeof(struct entry), options->entries_max);
    outbox->sales = slab_create(sizeof(struct acked_sale), options->entries_max);
    outbox->entry_buckets = calloc(outbox->bucket_count, sizeof *outbox->entry_buckets);
    outbox->sale_buckets = calloc(outbox->bucket_count, sizeof *outbox->sale_buckets);
    if (!outbox->entries || !outbox->sales || !outbox->entry_buckets || !outbox->sale_buckets) {
        outbox_destroy(outbox);
        return NULL;
    }
    return outbox;
}

void outbox_destroy(struct outbox *outbox)
{
    if (!outbox) {
        return;
    }
    slab_destroy(outbox->entries);
    slab_destroy(outbox->sales);
    free(outbox->entry_buckets);
    free(outbox->sale_buckets);
    free(outbox);
}

uint64_t outbox_won(struct outbox *outbox, struct sale_id sale, uint32_t epoch, uint32_t first_seq,
                    uint32_t win_count)
{
    struct entry *entry;

    loop_assert_owner(outbox->options.loop);
    ASSERT(win_count > 0);
    entry = add_entry(outbox, sale, epoch, first_seq);
    if (!entry) {
        return 0;
    }
    entry->unreported = win_count;
    list_append(&outbox->waiting, entry);
    outbox->waiting_count++;
    note_depth(outbox);
    return slab_handle(outbox->entries, entry);
}

static struct entry *resolve_waiting(struct outbox *outbox, uint64_t handle)
{
    struct entry *entry = handle ? slab_resolve(outbox->entries, handle) : NULL;

    loop_assert_owner(outbox->options.loop);
    return entry && entry->unreported > 0 ? entry : NULL;
}

void outbox_reported(struct outbox *outbox, uint64_t handle)
{
    struct entry *entry = resolve_waiting(outbox, handle);

    if (entry && --entry->unreported == 0) {
        end_waiting(outbox, entry);
        acknowledge(outbox, entry);
    }
}

void outbox_abandoned(struct outbox *outbox, uint64_t handle)
{
    struct entry *entry = resolve_waiting(outbox, handle);

    if (entry) {
        end_waiting(outbox, entry);
        drop_entry(outbox, entry);
    }
}

void outbox_acknowledge(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        uint32_t first_seq)
{
    struct entry *entry = find_entry(outbox, sale, epoch, first_seq);

    if (entry && entry->unreported == 0) {
        return;
    }
    if (entry) {
        end_waiting(outbox, entry);
    } else {
        entry = add_entry(outbox, sale, epoch, first_seq);
    }
    if (entry) {
        acknowledge(outbox, entry);
    }
}

uint32_t outbox_take_acks(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                          uint32_t *first_seqs, uint32_t max)
{
    struct acked_sale *acked = find_sale(outbox, sale);
    struct entry *entry = acked ? acked->acks.oldest : NULL;
    uint32_t count = 0;

    while (entry && count < max) {
        struct entry *next = entry->next;

        if (entry->epoch == epoch) {
            first_seqs[count++] = entry->first_seq;
        }
        /* Those of an older epoch were unlinked with it. */
        if (entry->epoch <= epoch) {
            list_remove(&acked->acks, entry);
            drop_entry(outbox, entry);
        }
        entry = next;
    }
    if (acked) {
        drop_sale_if_empty(outbox, acked);
    }
    if (count > 0) {
        FAILPOINT_PASS(acks_taken);
    }
    return count;
}

void outbox_return_acks(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        const uint32_t *first_seqs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        outbox_acknowledge(outbox, sale, epoch, first_seqs[i]);
    }
}

void outbox_forget(struct outbox *outbox)
{
    struct entry *entry;

    while ((entry = outbox->waiting.oldest) != NULL) {
        list_remove(&outbox->waiting, entry);
        drop_entry(outbox, entry);
    }
    outbox->waiting_count = 0;
    while (outbox->first_sale) {
        struct acked_sale *acked = outbox->first_sale;

        while ((entry = acked->acks.oldest) != NULL) {
            list_remove(&acked->acks, entry);
            drop_entry(outbox, entry);
        }
        drop_sale_if_empty(outbox, acked);
    }
    ASSERT(slab_taken_count(outbox->entries) == 0 && slab_taken_count(outbox->sales) == 0);
    note_depth(outbox);
}

bool outbox_is_underway(const struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        uint32_t first_seq)
{
    return find_entry(outbox, sale, epoch, first_seq) != NULL;
}

uint32_t outbox_depth(const struct outbox *outbox)
{
    return outbox->waiting_count;
}

int64_t outbox_oldest_us(const struct outbox *outbox)
{
    return outbox->waiting.oldest ? outbox->waiting.oldest->since_us : 0;
}

bool outbox_is_full(const struct outbox *outbox)
{
    return slab_taken_count(outbox->entries) == slab_item_count(outbox->entries);
}

void outbox_each_overdue_ack(struct outbox *outbox, int64_t before_us,
                             void (*fn)(void *arg, struct sale_id sale, uint32_t epoch), void *arg)
{
    for (const struct acked_sale *acked = outbox->first_sale; acked; acked = acked->next) {
        const struct entry *oldest = acked->acks.oldest;

        if (oldest->since_us < before_us) {
            fn(arg, acked->sale, oldest->epoch);
        }
    }
}
