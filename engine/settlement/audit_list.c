#include "settlement/audit_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/hash.h"

enum err audit_list_add(struct audit_list *list, const struct audit_item *item)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : 1024;
        struct audit_item *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown) {
            return ERR_NO_MEMORY;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = *item;
    return ERR_OK;
}

static int by_order_no(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;

    return (x->order_no.value > y->order_no.value) - (x->order_no.value < y->order_no.value);
}

void audit_list_settle(struct audit_list *list)
{
    size_t kept = 0;

    if (list->count == 0) {
        return;
    }
    qsort(list->items, list->count, sizeof *list->items, by_order_no);
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
    free(list->items);
    *list = (struct audit_list){0};
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

static void count_first(size_t *count, struct order_no *first, struct order_no order_no)
{
    if ((*count)++ == 0) {
        *first = order_no;
    }
}

struct audit_difference audit_list_compare(const struct audit_list *a, const struct audit_list *b,
                                           enum audit_compare by)
{
    struct audit_difference found = {0};
    size_t i = 0, j = 0;

    while (i < a->count || j < b->count) {
        const struct audit_item *x = i < a->count ? &a->items[i] : NULL;
        const struct audit_item *y = j < b->count ? &b->items[j] : NULL;
        if (x && (!y || x->order_no.value < y->order_no.value)) {
            count_first(&found.only_a, &found.first_a, x->order_no);
            i++;
        } else if (y && (!x || y->order_no.value < x->order_no.value)) {
            count_first(&found.only_b, &found.first_b, y->order_no);
            j++;
        } else {
            const bool same =
                by == AUDIT_BY_CONTENT ? x->content == y->content : x->entry == y->entry;
            if (!same) {
                count_first(&found.different, &found.first_different, x->order_no);
            }
            i++;
            j++;
        }
    }
    return found;
}
