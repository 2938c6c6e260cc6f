/* relay_producer: the producer of a relay, made when there is something to tell.
 * Why:    the relays of events and of dead letters make theirs alike.
 * Never:  ends a relay: what it could not make is tried again with the next round.
 * Thread: that of the relay. */
#pragma once

#include "common/err.h"
#include "journal/kafka_conf.h"

struct producer_blocking;
struct producer_blocking_options;

enum { RELAY_PRODUCER_TOLD_S = 30 };
/* `*producer` is owned by the caller; one that is there stays. Else it is made: ERR_CONFIG,
 * ERR_NO_MEMORY leave it NULL, and `error` says why: the caller logs it, at most every
 * RELAY_PRODUCER_TOLD_S (here the refusal of one topic would hide that of the other). */
MUST_CHECK enum err relay_producer_ensure(struct producer_blocking **producer,
                                          const struct producer_blocking_options *options,
                                          char error[static KAFKA_CONF_ERROR_SIZE]);
