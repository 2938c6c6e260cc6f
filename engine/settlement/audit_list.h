/* audit_list: orders as one of the three services knows them, to be compared.
 * Why:    a million orders are compared by two sorted arrays, not by a million look-ups.
 * Never:  I/O.
 * Thread: that of its owner. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/order.h"

struct audit_item {
    struct order_no order_no;
    uint64_t content; /* hash of what must be the same in log and row */
    uint64_t entry;   /* hash of what must be the same in Redis and row */
    uint64_t place;   /* in the log; audit_place() */
    /* The rest is of rows, and of units that came back. */
    uint32_t quantity;
    uint8_t sku;     /* index in the sale's definition; UINT8_MAX: none of it */
    uint8_t reason;  /* enum order_reason */
    char letter;     /* state, of Redis' entries, too; 0: the service keeps none */
    bool never_told; /* a row of a history that was cut: Redis does not hold it */
};
/* Partition and offset as one number, in that order. */
static inline uint64_t audit_place(uint32_t partition, uint64_t offset)
{
    return (uint64_t)partition << 48 | offset;
}

struct audit_list {
    struct audit_item *items; /* owned */
    size_t count, capacity;
    size_t *budget;        /* borrowed: bytes that may still be taken; NULL: there is no ceiling */
    size_t repeated;       /* dropped by audit_list_settle(): the same again */
    size_t clashes;        /* dropped: the same number with other content */
    struct order_no clash; /* the first of them */
};

/* Room for half as many again, 1024 at first. `items` (the caller's; NULL: none) has room for
 * `*capacity` of `item_size` bytes; what it grows by is taken from `*budget`, unless `budget` is
 * NULL. Returns where the items are now, still the caller's. NULL: no memory, or the budget is used
 * up; nothing has changed. */
void *audit_grow(void *items, size_t item_size, size_t *capacity, size_t *budget);
/* ERR_NO_MEMORY: also where the budget is used up. */
MUST_CHECK enum err audit_list_add(struct audit_list *list, const struct audit_item *item);
/* By order_no, then place. */
void audit_list_sort(struct audit_list *list);
/* Sorts, and drops what is there twice. */
void audit_list_settle(struct audit_list *list);
/* Frees, and gives the budget back; a zeroed one is fine. The budget stays. */
void audit_list_finish(struct audit_list *list);

/* Hashes of a record, and of an entry with its buyer. */
uint64_t audit_content(const struct order_record *record);
uint64_t audit_entry(const struct buyer *buyer, const struct order_entry *entry);

struct audit_difference {
    size_t only_entries, only_rows, different, letters;
    struct order_no first; /* of what differs; 0: nothing does */
};
/* Orders in Redis against rows that were ever told, by `entry` and letter. Both settled. */
struct audit_difference audit_list_compare(const struct audit_list *entries,
                                           const struct audit_list *rows);
