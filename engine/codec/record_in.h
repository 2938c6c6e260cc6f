/* record_in: reads what the topics hold: one msgpack array of a fixed shape.
 * Why:    order events and notices begin alike (version, order_no) and are refused for the same
 *         reasons; a reader of our own believes no length that is not there (P2).
 * Never:  allocates, recurses; goes on behind the first fault.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/ids.h"

enum {
    RECORD_READ_SIZE_MAX = 4096, /* bytes of a record of any version */
    RECORD_ELEMENTS_MAX = 64,    /* elements of a newer version */
    RECORD_DEPTH_MAX = 8,        /* arrays in arrays of a newer version, the record's included */
};

/* Why a record cannot be read: all of them fail the same way each time (dead letters). */
#define RECORD_FAULTS(X)                                                                           \
    X(NONE, "none")                                                                                \
    X(TOO_LARGE, "too_large")                                                                      \
    X(TRUNCATED, "truncated") /* ends inside an element; also empty */                             \
    X(TYPE, "type")           /* an element of another type, or no array */                        \
    X(ELEMENTS, "elements")   /* another number of them than the version has */                    \
    X(VERSION, "version")     /* 0 */                                                              \
    X(RANGE, "range")         /* a value outside its bounds */                                     \
    X(TRAILING, "trailing")   /* bytes behind the record */                                        \
    X(DEPTH, "depth")         /* a newer version's element, nested too deep */
enum record_fault {
#define X(name, text) RECORD_FAULT_##name,
    RECORD_FAULTS(X)
#undef X
        RECORD_FAULT_COUNT
};
const char *record_fault_name(enum record_fault fault); /* static */

/* The first fault sticks: whatever is read behind it is 0 or "". */
struct record_in {
    const unsigned char *at, *end; /* borrowed: the bytes outlive the reader */
    enum record_fault fault;
};
/* What every record begins with. */
struct record_head {
    uint64_t elements;
    uint32_t version;
    struct order_no order_no; /* as it stands there, not checked */
};

/* The array, the version and the order_no. A record of `version` has `elements` of them, a newer
 * one at least as many. */
void record_in_begin(struct record_in *in, const void *bytes, size_t size, uint32_t version,
                     uint32_t elements, struct record_head *ret_head);
/* Skips what a newer version has behind the first `known` elements; the record ends there. */
void record_in_end(struct record_in *in, const struct record_head *head, uint32_t known);

/* An integer that is not negative, in whatever width; 0 on a fault. */
uint64_t record_in_uint(struct record_in *in);
/* The same, at most `max`. */
uint64_t record_in_bounded(struct record_in *in, uint64_t max);
/* A slice of the bytes, not NUL-terminated; "" on a fault. */
const char *record_in_text(struct record_in *in, size_t *ret_size);
/* A text of at most `max` bytes without a NUL in it, NUL-terminated; "" on a fault. */
void record_in_copy(struct record_in *in, char *text, size_t max);
/* One or "": `*ret_trace` is untouched then, and on a fault. */
void record_in_traceparent(struct record_in *in, struct traceparent *ret_trace);
/* RANGE unless `condition`. */
void record_in_require(struct record_in *in, bool condition);
