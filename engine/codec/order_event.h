/* order_event: the record of the order log as bytes (schemas/order_event.md, PROTOCOL §5).
 * Why:    what is told to a buyer rests on these bytes; writer and reader are checked against one
 *         another and against the schema's example.
 * Never:  allocates; believes a length before it has compared it with what is there (P2).
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec/record_in.h"
#include "common/err.h"
#include "domain/order.h"

enum {
    ORDER_EVENT_VERSION = 1,
    ORDER_EVENT_ELEMENTS = 12,
    ORDER_EVENT_SIZE_MAX = 384, /* of version 1 */
};

struct order_event {
    size_t size;
    unsigned char bytes[ORDER_EVENT_SIZE_MAX];
};

/* ERR_RANGE: the record breaks order_record_check(), or its version is not ours. */
MUST_CHECK enum err order_event_pack(const struct order_record *record,
                                     struct order_event *ret_event);
/* NONE: `*ret_record` is set and passes order_record_check(); its `version` is that of the bytes,
 * and above ORDER_EVENT_VERSION its known fields are read and the rest is skipped. Else
 * `*ret_record` is untouched and `*ret_hint` (may be NULL) is the order_no when that much could be
 * read, 0 otherwise. */
enum record_fault order_event_read(const void *bytes, size_t size, struct order_record *ret_record,
                                   struct order_no *ret_hint);
