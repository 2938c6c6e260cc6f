/* slab: a fixed number of objects of one size, allocated once.
 * Why:    the hot path allocates nothing; an empty slab is the answer "busy" (PROTOCOL §2 bounded).
 * Never:  grows; clears what it gives out beyond what slab_take() says.
 * Thread: that of its owner. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct slab;

struct slab *slab_create(size_t item_size, uint32_t item_count); /* NULL: no memory */
void slab_destroy(struct slab *slab);          /* NULL is fine; items die with it */
void *slab_take(struct slab *slab);            /* zeroed item, or NULL: all are taken */
void slab_give(struct slab *slab, void *item); /* asserts that it is one of ours and taken */
uint32_t slab_taken_count(const struct slab *slab);
uint32_t slab_item_count(const struct slab *slab);

/* A handle names an item and its generation: it stops resolving once the item was given back.
 * For private data of callbacks that may come after the item's end. Never 0. */
uint64_t slab_handle(const struct slab *slab, const void *item);
void *slab_resolve(const struct slab *slab, uint64_t handle); /* NULL: given back since */
