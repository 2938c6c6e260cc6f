#include "common/slab.h"

#include "common/assert.h"

#include <stdlib.h>
#include <string.h>

enum { ITEM_ALIGNMENT = 16 };

/* An item's generation goes up when it is taken and when it is given: odd means taken. */
struct slab {
    char *items;           /* owned; item_count items, stride bytes apart */
    uint32_t *generations; /* owned; one an item */
    uint32_t *free;        /* owned; a stack of the indexes that are not taken */
    size_t item_size;
    size_t stride;
    uint32_t item_count;
    uint32_t free_count;
};

static uint32_t index_of(const struct slab *slab, const void *item)
{
    uintptr_t offset = (uintptr_t)item - (uintptr_t)slab->items;

    ASSERT(item != NULL && (uintptr_t)item >= (uintptr_t)slab->items);
    ASSERT(offset < slab->stride * slab->item_count && offset % slab->stride == 0);
    return (uint32_t)(offset / slab->stride);
}

struct slab *slab_create(size_t item_size, uint32_t item_count)
{
    struct slab *slab;

    ASSERT(item_size > 0 && item_count > 0 && item_size < SIZE_MAX / 2);
    slab = calloc(1, sizeof *slab);
    if (!slab) {
        return NULL;
    }
    slab->item_size = item_size;
    slab->stride = (item_size + ITEM_ALIGNMENT - 1) / ITEM_ALIGNMENT * ITEM_ALIGNMENT;
    slab->item_count = item_count;
    slab->items = calloc(item_count, slab->stride);
    slab->generations = calloc(item_count, sizeof *slab->generations);
    slab->free = calloc(item_count, sizeof *slab->free);
    if (!slab->items || !slab->generations || !slab->free) {
        slab_destroy(slab);
        return NULL;
    }
    /* The stack gives out index 0 first: a slab that is never full touches few pages. */
    for (uint32_t i = 0; i < item_count; i++) {
        slab->free[i] = item_count - 1 - i;
    }
    slab->free_count = item_count;
    return slab;
}

void slab_destroy(struct slab *slab)
{
    if (!slab) {
        return;
    }
    free(slab->items);
    free(slab->generations);
    free(slab->free);
    free(slab);
}

void *slab_take(struct slab *slab)
{
    uint32_t index;
    void *item;

    if (slab->free_count == 0) {
        return NULL;
    }
    slab->free_count--;
    index = slab->free[slab->free_count];
    ASSERT(slab->generations[index] % 2 == 0);
    slab->generations[index]++;
    item = slab->items + index * slab->stride;
    memset(item, 0, slab->item_size);
    return item;
}

void slab_give(struct slab *slab, void *item)
{
    uint32_t index = index_of(slab, item);

    ASSERT(slab->generations[index] % 2 == 1);
    ASSERT(slab->free_count < slab->item_count);
    slab->generations[index]++;
    slab->free[slab->free_count] = index;
    slab->free_count++;
}

uint32_t slab_taken_count(const struct slab *slab)
{
    return slab->item_count - slab->free_count;
}

uint32_t slab_item_count(const struct slab *slab)
{
    return slab->item_count;
}

uint64_t slab_handle(const struct slab *slab, const void *item)
{
    uint32_t index = index_of(slab, item);

    ASSERT(slab->generations[index] % 2 == 1);
    return (uint64_t)slab->generations[index] << 32 | (index + 1);
}

void *slab_resolve(const struct slab *slab, uint64_t handle)
{
    uint32_t place = (uint32_t)handle;
    uint32_t generation = (uint32_t)(handle >> 32);

    if (place == 0 || place > slab->item_count || generation % 2 == 0) {
        return NULL;
    }
    if (slab->generations[place - 1] != generation) {
        return NULL;
    }
    return slab->items + (place - 1) * slab->stride;
}
