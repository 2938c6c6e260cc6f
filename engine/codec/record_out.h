/* record_out: writes what the topics hold: one msgpack array, the shortest form of each element.
 * Why:    order events and notices are written alike (codec/record_in.h reads both).
 * Never:  allocates; checks a value: who writes has checked his record, whose bounds fit the room.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct record_out {
    unsigned char *bytes; /* borrowed */
    size_t size, room;
};

/* The array's head; then exactly `elements` of the two below. Asserts that they fit. */
void record_out_begin(struct record_out *out, void *bytes, size_t room, uint32_t elements);
void record_out_uint(struct record_out *out, uint64_t value);
void record_out_text(struct record_out *out, const char *text, size_t size);
