#include "journal/pending.h"

#include "common/assert.h"
#include "common/slab.h"

#include <stdlib.h>

struct node {
    struct node *previous, *next;
    struct pending_record record;
};

struct pending {
    struct slab *nodes; /* owned */
    struct node *oldest, *newest;
};

struct pending *pending_create(uint32_t records_max)
{
    struct pending *pending = calloc(1, sizeof *pending);

    if (!pending) {
        return NULL;
    }
    pending->nodes = slab_create(sizeof(struct node), records_max);
    if (!pending->nodes) {
        free(pending);
        return NULL;
    }
    return pending;
}

void pending_destroy(struct pending *pending)
{
    if (!pending) {
        return;
    }
    slab_destroy(pending->nodes);
    free(pending);
}

uint64_t pending_put(struct pending *pending, const struct pending_record *record)
{
    struct node *node = slab_take(pending->nodes);

    ASSERT(record->done);
    if (!node) {
        return 0;
    }
    node->record = *record;
    node->previous = pending->newest;
    node->next = NULL;
    if (pending->newest) {
        pending->newest->next = node;
    } else {
        pending->oldest = node;
    }
    pending->newest = node;
    return slab_handle(pending->nodes, node);
}

static void take(struct pending *pending, struct node *node, struct pending_record *ret_record)
{
    if (node->previous) {
        node->previous->next = node->next;
    } else {
        pending->oldest = node->next;
    }
    if (node->next) {
        node->next->previous = node->previous;
    } else {
        pending->newest = node->previous;
    }
    *ret_record = node->record;
    slab_give(pending->nodes, node);
}

bool pending_take(struct pending *pending, uint64_t handle, struct pending_record *ret_record)
{
    struct node *node = slab_resolve(pending->nodes, handle);

    if (!node) {
        return false;
    }
    take(pending, node, ret_record);
    return true;
}

bool pending_take_oldest(struct pending *pending, struct pending_record *ret_record)
{
    if (!pending->oldest) {
        return false;
    }
    take(pending, pending->oldest, ret_record);
    return true;
}

uint32_t pending_count(const struct pending *pending)
{
    return slab_taken_count(pending->nodes);
}

int64_t pending_oldest_us(const struct pending *pending)
{
    return pending->oldest ? pending->oldest->record.appended_us : 0;
}
