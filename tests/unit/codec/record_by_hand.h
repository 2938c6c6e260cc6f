/* Records of a topic made element by element, with msgpack's own packer, for tests of what a reader
 * refuses. A test says what the elements of a good record are and how one is read; by_hand_begin()
 * and by_hand_end() stand around each test. */
#pragma once

#include <msgpack.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/record_in.h"

struct by_hand {
    int elements; /* of a record of version 1 */
    void (*element)(
        int index); /* puts that one of a good record, by by_hand_number() and _text() */
    /* Reads, and asserts that nothing is set on a fault. `ret_hint` may be NULL. */
    enum record_fault (*read)(const void *bytes, size_t size, struct order_no *ret_hint);
};

void by_hand_begin(const struct by_hand *hand); /* borrowed until by_hand_end() */
void by_hand_end(void);
/* The record so far. */
extern msgpack_packer by_hand_packer;
extern msgpack_sbuffer by_hand_buffer;

void by_hand_number(uint64_t value);
void by_hand_text(const char *value);
/* A new record: the head for so many elements, and the good ones below `index`. */
void by_hand_up_to(int index, int elements);
/* The good ones from `index` on. */
void by_hand_rest_from(int index);
enum record_fault by_hand_read(void);

/* A good record but for one element. */
void by_hand_expect_number(int index, uint64_t value, enum record_fault expected);
void by_hand_expect_text(int index, const char *value, enum record_fault expected);
/* nil, a double and bytes in each place. */
void by_hand_expect_types(void);
/* A good record, cut anywhere. */
void by_hand_expect_truncations(const void *bytes, size_t size);
/* The order of a good record that is cut, of nothing, and of what is none. */
void by_hand_expect_hints(const void *bytes, struct order_no order_no);
