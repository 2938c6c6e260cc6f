#include "codec/record_in.h"

#include "common/assert.h"

#include <string.h>

static const char *const fault_names[RECORD_FAULT_COUNT] = {
#define X(name, text) [RECORD_FAULT_##name] = text,
    RECORD_FAULTS(X)
#undef X
};

const char *record_fault_name(enum record_fault fault)
{
    ASSERT((unsigned)fault < RECORD_FAULT_COUNT);
    return fault_names[fault];
}

static void fail(struct record_in *in, enum record_fault fault)
{
    if (in->fault == RECORD_FAULT_NONE) {
        in->fault = fault;
    }
}

/* The next `size` bytes, or NULL. */
static const unsigned char *take(struct record_in *in, size_t size)
{
    const unsigned char *bytes = in->at;

    if (in->fault != RECORD_FAULT_NONE) {
        return NULL;
    }
    if (size > (size_t)(in->end - in->at)) {
        fail(in, RECORD_FAULT_TRUNCATED);
        return NULL;
    }
    in->at += size;
    return bytes;
}

/* A big-endian integer of 1, 2, 4 or 8 bytes. */
static uint64_t take_number(struct record_in *in, size_t size)
{
    const unsigned char *bytes = take(in, size);
    uint64_t value = 0;

    for (size_t i = 0; bytes && i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* 0xc1 never stands in msgpack: it is what a missing byte reads as. */
static unsigned take_tag(struct record_in *in)
{
    const unsigned char *byte = take(in, 1);

    return byte ? *byte : 0xc1;
}

uint64_t record_in_uint(struct record_in *in)
{
    unsigned tag = take_tag(in);
    uint64_t value;

    if (tag <= 0x7f) {
        return tag;
    }
    if (tag >= 0xcc && tag <= 0xcf) {
        return take_number(in, (size_t)1 << (tag - 0xcc));
    }
    if (tag >= 0xd0 && tag <= 0xd3) {
        bool is_negative = in->at < in->end && (*in->at & 0x80) != 0;

        value = take_number(in, (size_t)1 << (tag - 0xd0));
        if (!is_negative) {
            return value;
        }
        fail(in, RECORD_FAULT_RANGE);
        return 0;
    }
    fail(in, tag >= 0xe0 ? RECORD_FAULT_RANGE : RECORD_FAULT_TYPE);
    return 0;
}

const char *record_in_text(struct record_in *in, size_t *ret_size)
{
    unsigned tag = take_tag(in);
    size_t size = 0;

    *ret_size = 0;
    if (tag >= 0xa0 && tag <= 0xbf) {
        size = tag & 0x1f;
    } else if (tag >= 0xd9 && tag <= 0xdb) {
        size = (size_t)take_number(in, (size_t)1 << (tag - 0xd9));
    } else {
        fail(in, RECORD_FAULT_TYPE);
    }
    const unsigned char *bytes = take(in, size);

    if (!bytes) {
        return "";
    }
    *ret_size = size;
    return (const char *)bytes;
}

static uint64_t array_size(struct record_in *in)
{
    unsigned tag = take_tag(in);

    if (tag >= 0x90 && tag <= 0x9f) {
        return tag & 0x0f;
    }
    if (tag == 0xdc || tag == 0xdd) {
        return take_number(in, tag == 0xdc ? 2 : 4);
    }
    fail(in, RECORD_FAULT_TYPE);
    return 0;
}

void record_in_require(struct record_in *in, bool condition)
{
    if (!condition) {
        fail(in, RECORD_FAULT_RANGE);
    }
}

uint64_t record_in_bounded(struct record_in *in, uint64_t max)
{
    uint64_t value = record_in_uint(in);

    record_in_require(in, value <= max);
    return value <= max ? value : 0;
}

void record_in_copy(struct record_in *in, char *text, size_t max)
{
    size_t size;
    const char *there = record_in_text(in, &size);

    text[0] = '\0';
    if (size > max || memchr(there, '\0', size)) {
        fail(in, RECORD_FAULT_RANGE);
        return;
    }
    memcpy(text, there, size);
    text[size] = '\0';
}

void record_in_traceparent(struct record_in *in, struct traceparent *ret_trace)
{
    size_t size;
    const char *text = record_in_text(in, &size);

    record_in_require(in, size == 0 || traceparent_parse(text, size, ret_trace) == ERR_OK);
}

/* What a tag of a newer version's element is followed by: bytes to skip, and elements. */
static void skip_shape(struct record_in *in, unsigned tag, uint64_t *ret_bytes,
                       uint64_t *ret_elements)
{
    *ret_bytes = 0;
    *ret_elements = 0;
    if (tag <= 0x7f || tag >= 0xe0 || tag == 0xc0 || tag == 0xc2 || tag == 0xc3) {
        return;
    }
    if (tag <= 0x8f) {
        *ret_elements = (uint64_t)2 * (tag & 0x0f);
    } else if (tag <= 0x9f) {
        *ret_elements = tag & 0x0f;
    } else if (tag <= 0xbf) {
        *ret_bytes = tag & 0x1f;
    } else if (tag >= 0xc4 && tag <= 0xc6) {
        *ret_bytes = take_number(in, (size_t)1 << (tag - 0xc4));
    } else if (tag >= 0xc7 && tag <= 0xc9) {
        *ret_bytes = take_number(in, (size_t)1 << (tag - 0xc7)) + 1;
    } else if (tag == 0xca || tag == 0xcb) {
        *ret_bytes = tag == 0xca ? 4 : 8;
    } else if (tag >= 0xcc && tag <= 0xd3) {
        *ret_bytes = (uint64_t)1 << ((tag - 0xcc) & 3);
    } else if (tag >= 0xd4 && tag <= 0xd8) {
        *ret_bytes = ((uint64_t)1 << (tag - 0xd4)) + 1;
    } else if (tag >= 0xd9 && tag <= 0xdb) {
        *ret_bytes = take_number(in, (size_t)1 << (tag - 0xd9));
    } else if (tag == 0xdc || tag == 0xdd) {
        *ret_elements = take_number(in, tag == 0xdc ? 2 : 4);
    } else if (tag == 0xde || tag == 0xdf) {
        *ret_elements = 2 * take_number(in, tag == 0xde ? 2 : 4);
    } else {
        fail(in, RECORD_FAULT_TYPE);
    }
}

/* One element of any type. Each level is an entry of `left`, so nothing recurses. */
static void skip_element(struct record_in *in)
{
    uint64_t left[RECORD_DEPTH_MAX] = {1};
    size_t depth = 0;

    while (in->fault == RECORD_FAULT_NONE) {
        uint64_t bytes, elements;

        while (left[depth] == 0) {
            if (depth == 0) {
                return;
            }
            depth--;
        }
        left[depth]--;
        skip_shape(in, take_tag(in), &bytes, &elements);
        (void)take(in, bytes);
        if (elements > 0) {
            if (++depth == RECORD_DEPTH_MAX) {
                fail(in, RECORD_FAULT_DEPTH);
                return;
            }
            left[depth] = elements;
        }
    }
}

void record_in_begin(struct record_in *in, const void *bytes, size_t size, uint32_t version,
                     uint32_t elements, struct record_head *ret_head)
{
    uint64_t there;

    *in = (struct record_in){.at = bytes, .end = bytes};
    *ret_head = (struct record_head){0};
    if (size == 0 || size > RECORD_READ_SIZE_MAX) {
        fail(in, size == 0 ? RECORD_FAULT_TRUNCATED : RECORD_FAULT_TOO_LARGE);
        return;
    }
    in->end += size;
    ret_head->elements = array_size(in);
    there = ret_head->elements > 0 ? record_in_uint(in) : 0;
    if (ret_head->elements == 0) {
        fail(in, RECORD_FAULT_ELEMENTS);
        return;
    }
    if (there == 0) {
        fail(in, RECORD_FAULT_VERSION);
    }
    record_in_require(in, there <= UINT32_MAX);
    ret_head->version = (uint32_t)there;
    if (ret_head->elements > 1) {
        ret_head->order_no.value = record_in_uint(in);
    }
    if (there == version
            ? ret_head->elements != elements
            : ret_head->elements < elements || ret_head->elements > RECORD_ELEMENTS_MAX) {
        fail(in, RECORD_FAULT_ELEMENTS);
    }
}

void record_in_end(struct record_in *in, const struct record_head *head, uint32_t known)
{
    for (uint64_t i = known; i < head->elements && in->fault == RECORD_FAULT_NONE; i++) {
        skip_element(in);
    }
    if (in->at != in->end) {
        fail(in, RECORD_FAULT_TRAILING);
    }
}
