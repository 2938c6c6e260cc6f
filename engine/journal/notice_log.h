/* notice_log: notices into the Kafka topic seckill.notices, keyed by their order.
 * Why:    the notices of one order stay in the order in which they were written (PROTOCOL §5).
 * Never:  promises that a failed report means "not written": it may be (K10).
 * Thread: loop. */
#pragma once

#include "common/err.h"
#include "journal/producer.h"

struct notice;

/* `producer` is one of the notices' topic. As producer_append(); ERR_RANGE: the notice breaks
 * notice_check(). `notice` is copied. */
MUST_CHECK enum err notice_log_append(struct producer *producer, const struct notice *notice,
                                      producer_done_fn *done, void *arg);
