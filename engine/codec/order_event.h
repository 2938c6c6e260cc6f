/* order_event: the record of the order log as bytes (schemas/order_event.md, PROTOCOL §5).
 * Why:    what is told to a buyer rests on these bytes; writer and reader are checked against one
 *         another and against the schema's example.
 * Never:  allocates; believes a length before it has compared it with what is there (P2).
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/order.h"

enum {
    ORDER_EVENT_VERSION = 1,
    ORDER_EVENT_ELEMENTS = 12,
    ORDER_EVENT_SIZE_MAX = 384,       /* of version 1 */
    ORDER_EVENT_READ_SIZE_MAX = 4096, /* of any version */
};

struct order_event {
    size_t size;
    unsigned char bytes[ORDER_EVENT_SIZE_MAX];
};

/* ERR_RANGE: the record breaks order_record_check(), or its version is not ours. */
MUST_CHECK enum err order_event_pack(const struct order_record *record,
                                     struct order_event *ret_event);

/* Why a record cannot be read: all of them fail the same way each time (dead letters). */
#define ORDER_EVENT_FAULTS(X)                                                                      \
    X(NONE, "none")                                                                                \
    X(TOO_LARGE, "too_large")                                                                      \
    X(TRUNCATED, "truncated") /* ends inside an element; also empty */                             \
    X(TYPE, "type")           /* an element of another type, or no array */                        \
    X(ELEMENTS, "elements")   /* another number of them than the version has */                    \
    X(VERSION, "version")     /* 0 */                                                              \
    X(RANGE, "range")         /* a value outside its bounds */                                     \
    X(TRAILING, "trailing")   /* bytes behind the record */                                        \
    X(DEPTH, "depth")         /* a newer version's element, nested too deep */
enum order_event_fault {
#define X(name, text) ORDER_EVENT_FAULT_##name,
    ORDER_EVENT_FAULTS(X)
#undef X
        ORDER_EVENT_FAULT_COUNT
};
const char *order_event_fault_name(enum order_event_fault fault); /* static */

/* NONE: `*ret_record` is set and passes order_record_check(); its `version` is that of the bytes,
 * and above ORDER_EVENT_VERSION its known fields are read and the rest is skipped. Else
 * `*ret_record` is untouched and `*ret_hint` (may be NULL) is the order_no when that much could be
 * read, 0 otherwise. */
enum order_event_fault order_event_read(const void *bytes, size_t size,
                                        struct order_record *ret_record, struct order_no *ret_hint);
