/* relay_producer: the producer of a relay, made when there is something to tell.
 * Why:    the relays of events and of dead letters make theirs alike, and tell a refusal alike.
 * Never:  ends a relay: what it could not make is tried again with the next round.
 * Thread: that of the relay. */
#pragma once

#include "common/err.h"

struct producer_blocking;
struct producer_blocking_options;

/* `*producer` is owned by the caller; one that is there stays. Else it is made: ERR_CONFIG (logged,
 * at most every 30 s), ERR_NO_MEMORY leave it NULL. */
MUST_CHECK enum err relay_producer_ensure(struct producer_blocking **producer,
                                          const struct producer_blocking_options *options);
