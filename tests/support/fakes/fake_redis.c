#include "support/fakes/fake_redis.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"

struct redis_link *fake_redis_create(void)
{
    struct redis_link *link = calloc(1, sizeof *link);

    ASSERT(link != NULL);
    link->is_up = true;
    link->shed = LABEL_SHED_REDIS_DOWN;
    link->generation = 1;
    return link;
}

void fake_redis_destroy(struct redis_link *link)
{
    free(link);
}

void fake_redis_tell_catalogue(struct redis_link *link, enum err err,
                               const struct catalogue_read *read)
{
    catalogue_fn *done = link->catalogue_done;

    ASSERT(done != NULL);
    link->catalogue_done = NULL;
    done(link->catalogue_arg, err, read);
}

void fake_redis_tell_lease(struct redis_link *link, enum err status, bool held)
{
    ASSERT(link->lease_count > 0);
    struct fake_lease lease = link->leases[0];

    link->lease_count--;
    memmove(&link->leases[0], &link->leases[1], link->lease_count * sizeof lease);
    lease.done(lease.arg, status, held);
}

void fake_redis_tell_list(struct redis_link *link, enum err status,
                          const struct outbox_listed_entry *entries, uint32_t count)
{
    fake_redis_tell_listing(link, status,
                            &(struct outbox_listing){.entries = entries, .count = count});
}

void fake_redis_tell_listing(struct redis_link *link, enum err status,
                             const struct outbox_listing *listing)
{
    ASSERT(link->list_count > 0);
    struct fake_list list = link->lists[0];

    link->list_count--;
    memmove(&link->lists[0], &link->lists[1], link->list_count * sizeof list);
    list.done(list.arg, status, listing);
}

/* inventory/redis_link.h */

bool redis_link_is_up(const struct redis_link *link)
{
    return link->is_up;
}

enum label_SHED redis_link_shed(const struct redis_link *link)
{
    return link->shed;
}

const char *redis_link_trouble(const struct redis_link *link)
{
    return link->is_up ? "" : "not connected";
}

uint64_t redis_link_generation(const struct redis_link *link)
{
    return link->generation;
}

/* inventory/catalogue.h */

enum err catalogue_read(struct redis_link *link, uint64_t known_revision, catalogue_fn *done,
                        void *arg)
{
    ASSERT(link->catalogue_done == NULL);
    if (!link->is_up) {
        return ERR_UNAVAILABLE;
    }
    link->catalogue_count++;
    link->known_revision = known_revision;
    link->catalogue_done = done;
    link->catalogue_arg = arg;
    return ERR_OK;
}

/* inventory/outbox_reader.h */

enum err outbox_list(struct redis_link *link, struct sale_id sale, uint32_t max,
                     outbox_list_fn *done, void *arg)
{
    if (!link->is_up) {
        return ERR_UNAVAILABLE;
    }
    ASSERT(link->list_count < FAKE_REDIS_LOOKS_MAX);
    link->lists[link->list_count++] =
        (struct fake_list){.sale = sale, .max = max, .done = done, .arg = arg};
    return ERR_OK;
}

enum err outbox_take_lease(struct redis_link *link, struct sale_id sale, uint64_t token,
                           uint32_t lease_ms, outbox_lease_fn *done, void *arg)
{
    if (!link->is_up) {
        return ERR_UNAVAILABLE;
    }
    ASSERT(link->lease_count < FAKE_REDIS_LOOKS_MAX);
    link->leases[link->lease_count++] = (struct fake_lease){
        .sale = sale, .token = token, .lease_ms = lease_ms, .done = done, .arg = arg};
    return ERR_OK;
}
