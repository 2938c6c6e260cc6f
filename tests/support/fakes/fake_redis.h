/* fake_redis: the link, the catalogue and the relay's reads, answered by the test.
 * Why:    board and relay are tested without a server: what comes back, and when, is said.
 * Never:  answers by itself.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "inventory/catalogue.h"
#include "inventory/outbox_reader.h"
#include "inventory/redis_link.h"

enum { FAKE_REDIS_LOOKS_MAX = 128 };

struct fake_lease {
    struct sale_id sale;
    uint64_t token;
    uint32_t lease_ms;
    outbox_lease_fn *done;
    void *arg;
};
struct fake_list {
    struct sale_id sale;
    uint32_t max;
    outbox_list_fn *done;
    void *arg;
};
struct redis_link {
    bool is_up;
    enum label_SHED shed; /* what redis_link_shed() tells */
    uint64_t generation;
    uint32_t catalogue_count;     /* reads begun */
    uint64_t known_revision;      /* of the last */
    catalogue_fn *catalogue_done; /* NULL: none under way */
    void *catalogue_arg;
    struct fake_lease leases[FAKE_REDIS_LOOKS_MAX]; /* under way */
    struct fake_list lists[FAKE_REDIS_LOOKS_MAX];   /* under way */
    uint32_t lease_count, list_count;
};

struct redis_link *fake_redis_create(void); /* up, generation 1 */
void fake_redis_destroy(struct redis_link *link);
/* Answers the catalogue read under way. */
void fake_redis_tell_catalogue(struct redis_link *link, enum err err,
                               const struct catalogue_read *read);
/* Answers the oldest lease, or list, under way. */
void fake_redis_tell_lease(struct redis_link *link, enum err status, bool held);
void fake_redis_tell_list(struct redis_link *link, enum err status,
                          const struct outbox_listed_entry *entries, uint32_t count);
void fake_redis_tell_listing(struct redis_link *link, enum err status,
                             const struct outbox_listing *listing);
