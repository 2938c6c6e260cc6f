#include "settlement/audit_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/hash.h"

void *audit_grow(void *items, size_t item_size, size_t *capacity, size_t *budget)
{
    const size_t wanted = *capacity ? *capacity + *capacity / 2 : 1024;
    const size_t more = (wanted - *capacity) * item_size;

    if (budget && *budget < more) {
        return NULL;
    }
    void *grown = realloc(items, wanted * item_size);
    if (!grown) {
        return NULL;
    }
    if (budget) {
        *budget -= more;
    }
    *capacity = wanted;
    return grown;
}

enum err audit_list_add(struct audit_list *list, const struct audit_item *item)
{
    if (list->count == list->capacity) {
        struct audit_item *grown =
            audit_grow(list->items, sizeof *grown, &list->capacity, list->budget);

        if (!grown) {
            return ERR_NO_MEMORY;
        }
        list->items = grown;
    }
    list->items[list->count++] = *item;
    return ERR_OK;
}

static int by_order_no(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;

    if (x->order_no.value != y->order_no.value) {
        return x->order_no.value < y->order_no.value ? -1 : 1;
    }
    return (x->place > y->place) - (x->place < y->place);
}

void audit_list_sort(struct audit_list *list)
{
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, by_order_no);
    }
}

void audit_list_settle(struct audit_list *list)
{
    size_t kept = 0;

    if (list->count == 0) {
        return;
    }
    audit_list_sort(list);
    for (size_t i = 1; i < list->count; i++) {
        const struct audit_item *item = &list->items[i];
        if (item->order_no.value != list->items[kept].order_no.value) {
            list->items[++kept] = *item;
        } else if (item->content == list->items[kept].content
                   && item->entry == list->items[kept].entry) {
            list->repeated++;
        } else if (list->clashes++ == 0) {
            list->clash = item->order_no;
        }
    }
    list->count = kept + 1;
}

void audit_list_finish(struct audit_list *list)
{
    size_t *budget = list->budget;

    if (budget) {
        *budget += list->capacity * sizeof *list->items;
    }
    free(list->items);
    *list = (struct audit_list){.budget = budget};
}

static uint64_t hash_common(const struct buyer *buyer, const struct sku *sku, uint32_t quantity,
                            const struct key_hash *key, int64_t won_at_ms)
{
    uint64_t hash = hash64(buyer->text, buyer->size, 1);

    hash = hash64(sku->text, sku->size, hash);
    hash = hash64(key->hex, strlen(key->hex), hash);
    hash = hash64(&quantity, sizeof quantity, hash);
    return hash64(&won_at_ms, sizeof won_at_ms, hash);
}

uint64_t audit_content(const struct order_record *record)
{
    const uint64_t hash = hash_common(&record->buyer, &record->sku, record->quantity,
                                      &record->key_hash, record->won_at_ms);

    return hash64(record->currency, strlen(record->currency),
                  hash64(&record->unit_price, sizeof record->unit_price, hash));
}

uint64_t audit_entry(const struct buyer *buyer, const struct order_entry *entry)
{
    return hash_common(buyer, &entry->sku, entry->quantity, &entry->key_hash, entry->won_at_ms);
}

static void count(size_t *count, struct audit_difference *found, struct order_no order_no)
{
    (*count)++;
    if (found->first.value == 0) {
        found->first = order_no;
    }
}

/* Redis is not told that a row waits for an operator: its buyer's order is pending. A load is. */
static bool is_same_state(char in_redis, char in_row)
{
    return in_redis == in_row
           || (in_redis == order_state_letter(ORDER_STATE_PENDING)
               && in_row == order_state_letter(ORDER_STATE_QUARANTINED));
}

static void compare_one(const struct audit_item *entry, const struct audit_item *row,
                        struct audit_difference *found)
{
    if (entry->entry != row->entry) {
        count(&found->different, found, row->order_no);
    } else if (!is_same_state(entry->letter, row->letter)) {
        count(&found->letters, found, row->order_no);
    }
}

struct audit_difference audit_list_compare(const struct audit_list *entries,
                                           const struct audit_list *rows)
{
    struct audit_difference found = {0};
    size_t i = 0, j = 0;

    while (i < entries->count || j < rows->count) {
        const struct audit_item *x = i < entries->count ? &entries->items[i] : NULL;
        const struct audit_item *y = j < rows->count ? &rows->items[j] : NULL;
        if (y && y->never_told) {
            j++;
        } else if (x && (!y || x->order_no.value < y->order_no.value)) {
            count(&found.only_entries, &found, x->order_no);
            i++;
        } else if (y && (!x || y->order_no.value < x->order_no.value)) {
            count(&found.only_rows, &found, y->order_no);
            j++;
        } else {
            compare_one(x, y, &found);
            i++;
            j++;
        }
    }
    return found;
}
