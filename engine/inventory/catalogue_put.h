/* catalogue_put: the whole catalogue, written by the worker in one script.
 * Why:    a rewrite in one step is never seen half done; replid is written last (PROTOCOL §4).
 * Never:  keeps a sale that was not added.
 * Thread: that of the redis_blocking it is given.
 * Errors: as sale_loader.h. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "domain/sale.h"

struct catalogue_put;
struct redis_blocking;

enum { CATALOGUE_PUT_MAX = 3000 };
struct catalogue_put *catalogue_put_create(void);      /* NULL: no memory */
void catalogue_put_destroy(struct catalogue_put *put); /* NULL is fine */
/* ERR_RANGE: too many, or not a definition (sale_check()). Copied. */
MUST_CHECK enum err catalogue_put_add(struct catalogue_put *put,
                                      const struct sale_definition *definition);
/* A sale that is there, but whose definition cannot be told: engines say "rebuilding", never
 * "unknown sale". ERR_RANGE: too many. */
MUST_CHECK enum err catalogue_put_add_unreadable(struct catalogue_put *put, struct sale_id sale);
/* Replaces all; may be repeated. `ret_revision` may be NULL. */
MUST_CHECK enum err catalogue_put_send(struct catalogue_put *put, struct redis_blocking *redis,
                                       uint64_t *ret_revision);
