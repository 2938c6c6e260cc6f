/* outbox: the wins of this engine that are not yet known to be in the order log.
 * Why:    an entry is acknowledged (XDEL) when all its wins are reported; acknowledgements ride on
 *         script calls; what nobody acknowledges the relay finds (PROTOCOL §3.6, §4).
 * Never:  acknowledges an entry of which one report is missing; survives a new link: it forgets.
 * Thread: loop.  Owner: the caller of outbox_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "inventory/outbox_reader.h"

struct loop;
struct metrics_shard;
struct outbox;

struct outbox_options {
    struct loop *loop;           /* borrowed */
    struct metrics_shard *shard; /* borrowed or NULL */
    uint32_t entries_max;
};
struct outbox *outbox_create(const struct outbox_options *options); /* NULL: no memory */
void outbox_destroy(struct outbox *outbox);

/* stock's side. A handle of 0: no room (the relay will find the entry). */
uint64_t outbox_won(struct outbox *outbox, struct sale_id sale, uint32_t epoch, uint32_t first_seq,
                    uint32_t win_count);
/* Takes up to `max` entries to acknowledge for (sale, epoch); writes the first seqs. */
uint32_t outbox_take_acks(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                          uint32_t *first_seqs, uint32_t max);
/* The call that carried them failed before the script (not executed): they are taken again. */
void outbox_return_acks(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        const uint32_t *first_seqs, uint32_t count);
/* A new link: everything is forgotten; old handles do nothing. */
void outbox_forget(struct outbox *outbox);

/* purchase's side: one win of the entry was reported; or never will be (the relay takes over).
 * Handle 0 is fine. */
void outbox_reported(struct outbox *outbox, uint64_t handle);
void outbox_abandoned(struct outbox *outbox, uint64_t handle);
/* relay's side: all wins of an entry that it produced were reported. */
void outbox_acknowledge(struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        uint32_t first_seq);
/* True while this engine waits for reports of that entry, or holds its acknowledgement. */
bool outbox_is_underway(const struct outbox *outbox, struct sale_id sale, uint32_t epoch,
                        uint32_t first_seq);

uint32_t outbox_depth(const struct outbox *outbox); /* entries not yet fully reported */
int64_t outbox_oldest_us(
    const struct outbox *outbox);                 /* when the oldest of them was won; 0: none */
bool outbox_is_full(const struct outbox *outbox); /* no room for another entry */
/* Sales with an acknowledgement that waits since before `before_us`: fn for each (then stock_poll
 * carries it). */
void outbox_each_overdue_ack(struct outbox *outbox, int64_t before_us,
                             void (*fn)(void *arg, struct sale_id sale, uint32_t epoch), void *arg);
