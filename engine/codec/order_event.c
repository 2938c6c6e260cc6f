#include "codec/order_event.h"

#include "common/assert.h"

#include <msgpack.h>
#include <string.h>

enum {
    ORDER_EVENT_ELEMENTS_MAX = 64, /* of a newer version */
    ORDER_EVENT_DEPTH_MAX = 8,
};

static const char *const fault_names[ORDER_EVENT_FAULT_COUNT] = {
#define X(name, text) [ORDER_EVENT_FAULT_##name] = text,
    ORDER_EVENT_FAULTS(X)
#undef X
};

const char *order_event_fault_name(enum order_event_fault fault)
{
    ASSERT((unsigned)fault < ORDER_EVENT_FAULT_COUNT);
    return fault_names[fault];
}

/* --- writing */

/* msgpack's output: into the caller's array, which the bounds of a record cannot overfill. */
static int append(void *data, const char *bytes, size_t size)
{
    struct order_event *event = data;

    ASSERT(size <= sizeof event->bytes - event->size);
    memcpy(event->bytes + event->size, bytes, size);
    event->size += size;
    return 0;
}

static void pack_text(msgpack_packer *packer, const char *text, size_t size)
{
    (void)msgpack_pack_str(packer, size);
    (void)msgpack_pack_str_body(packer, text, size);
}

enum err order_event_pack(const struct order_record *record, struct order_event *ret_event)
{
    msgpack_packer packer;

    if (record->version != ORDER_EVENT_VERSION || order_record_check(record) != ERR_OK) {
        return ERR_RANGE;
    }
    ret_event->size = 0;
    msgpack_packer_init(&packer, ret_event, append);
    (void)msgpack_pack_array(&packer, ORDER_EVENT_ELEMENTS);
    (void)msgpack_pack_uint64(&packer, record->version);
    (void)msgpack_pack_uint64(&packer, record->order_no.value);
    pack_text(&packer, record->buyer.text, record->buyer.size);
    pack_text(&packer, record->sku.text, record->sku.size);
    (void)msgpack_pack_uint64(&packer, record->quantity);
    (void)msgpack_pack_uint64(&packer, record->unit_price);
    pack_text(&packer, record->currency, CURRENCY_SIZE);
    (void)msgpack_pack_uint64(&packer, record->slot);
    pack_text(&packer, record->key_hash.hex, strlen(record->key_hash.hex));
    (void)msgpack_pack_uint64(&packer, (uint64_t)record->won_at_ms);
    (void)msgpack_pack_uint64(&packer, (uint64_t)record->pay_by_ms);
    pack_text(&packer, record->traceparent.text, strlen(record->traceparent.text));
    return ERR_OK;
}

/* --- reading: exactly this schema; the first fault sticks */

struct reader {
    const unsigned char *at, *end;
    enum order_event_fault fault;
};

static void fail(struct reader *reader, enum order_event_fault fault)
{
    if (reader->fault == ORDER_EVENT_FAULT_NONE) {
        reader->fault = fault;
    }
}

/* The next `size` bytes, or NULL. */
static const unsigned char *take(struct reader *reader, size_t size)
{
    const unsigned char *bytes = reader->at;

    if (reader->fault != ORDER_EVENT_FAULT_NONE) {
        return NULL;
    }
    if (size > (size_t)(reader->end - reader->at)) {
        fail(reader, ORDER_EVENT_FAULT_TRUNCATED);
        return NULL;
    }
    reader->at += size;
    return bytes;
}

/* A big-endian integer of 1, 2, 4 or 8 bytes. */
static uint64_t take_number(struct reader *reader, size_t size)
{
    const unsigned char *bytes = take(reader, size);
    uint64_t value = 0;

    for (size_t i = 0; bytes && i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* 0xc1 never stands in msgpack: it is what a missing byte reads as. */
static unsigned take_tag(struct reader *reader)
{
    const unsigned char *byte = take(reader, 1);

    return byte ? *byte : 0xc1;
}

/* An integer that is not negative, in whatever width. */
static uint64_t read_uint(struct reader *reader)
{
    unsigned tag = take_tag(reader);
    uint64_t value;

    if (tag <= 0x7f) {
        return tag;
    }
    if (tag >= 0xcc && tag <= 0xcf) {
        return take_number(reader, (size_t)1 << (tag - 0xcc));
    }
    if (tag >= 0xd0 && tag <= 0xd3) {
        bool is_negative = reader->at < reader->end && (*reader->at & 0x80) != 0;

        value = take_number(reader, (size_t)1 << (tag - 0xd0));
        if (!is_negative) {
            return value;
        }
        fail(reader, ORDER_EVENT_FAULT_RANGE);
        return 0;
    }
    fail(reader, tag >= 0xe0 ? ORDER_EVENT_FAULT_RANGE : ORDER_EVENT_FAULT_TYPE);
    return 0;
}

static const char *read_text(struct reader *reader, size_t *ret_size)
{
    unsigned tag = take_tag(reader);
    size_t size = 0;

    *ret_size = 0;
    if (tag >= 0xa0 && tag <= 0xbf) {
        size = tag & 0x1f;
    } else if (tag >= 0xd9 && tag <= 0xdb) {
        size = (size_t)take_number(reader, (size_t)1 << (tag - 0xd9));
    } else {
        fail(reader, ORDER_EVENT_FAULT_TYPE);
    }
    const unsigned char *bytes = take(reader, size);

    if (!bytes) {
        return "";
    }
    *ret_size = size;
    return (const char *)bytes;
}

static uint64_t read_array_size(struct reader *reader)
{
    unsigned tag = take_tag(reader);

    if (tag >= 0x90 && tag <= 0x9f) {
        return tag & 0x0f;
    }
    if (tag == 0xdc || tag == 0xdd) {
        return take_number(reader, tag == 0xdc ? 2 : 4);
    }
    fail(reader, ORDER_EVENT_FAULT_TYPE);
    return 0;
}

static void in_range(struct reader *reader, bool condition)
{
    if (!condition) {
        fail(reader, ORDER_EVENT_FAULT_RANGE);
    }
}

/* What a tag of a newer version's element is followed by: bytes to skip, and elements. */
static void skip_shape(struct reader *reader, unsigned tag, uint64_t *ret_bytes,
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
        *ret_bytes = take_number(reader, (size_t)1 << (tag - 0xc4));
    } else if (tag >= 0xc7 && tag <= 0xc9) {
        *ret_bytes = take_number(reader, (size_t)1 << (tag - 0xc7)) + 1;
    } else if (tag == 0xca || tag == 0xcb) {
        *ret_bytes = tag == 0xca ? 4 : 8;
    } else if (tag >= 0xcc && tag <= 0xd3) {
        *ret_bytes = (uint64_t)1 << ((tag - 0xcc) & 3);
    } else if (tag >= 0xd4 && tag <= 0xd8) {
        *ret_bytes = ((uint64_t)1 << (tag - 0xd4)) + 1;
    } else if (tag >= 0xd9 && tag <= 0xdb) {
        *ret_bytes = take_number(reader, (size_t)1 << (tag - 0xd9));
    } else if (tag == 0xdc || tag == 0xdd) {
        *ret_elements = take_number(reader, tag == 0xdc ? 2 : 4);
    } else if (tag == 0xde || tag == 0xdf) {
        *ret_elements = 2 * take_number(reader, tag == 0xde ? 2 : 4);
    } else {
        fail(reader, ORDER_EVENT_FAULT_TYPE);
    }
}

/* One element of any type. Each level is an entry of `left`, so nothing recurses. */
static void skip_element(struct reader *reader)
{
    uint64_t left[ORDER_EVENT_DEPTH_MAX] = {1};
    size_t depth = 0;

    while (reader->fault == ORDER_EVENT_FAULT_NONE) {
        uint64_t bytes, elements;

        while (left[depth] == 0) {
            if (depth == 0) {
                return;
            }
            depth--;
        }
        left[depth]--;
        skip_shape(reader, take_tag(reader), &bytes, &elements);
        (void)take(reader, bytes);
        if (elements > 0) {
            if (++depth == ORDER_EVENT_DEPTH_MAX) {
                fail(reader, ORDER_EVENT_FAULT_DEPTH);
                return;
            }
            left[depth] = elements;
        }
    }
}

static void read_head(struct reader *reader, struct order_record *record, uint64_t *ret_elements)
{
    uint64_t elements = read_array_size(reader);
    uint64_t version = elements > 0 ? read_uint(reader) : 0;

    *ret_elements = elements;
    if (elements == 0) {
        fail(reader, ORDER_EVENT_FAULT_ELEMENTS);
        return;
    }
    if (version == 0) {
        fail(reader, ORDER_EVENT_FAULT_VERSION);
    }
    in_range(reader, version <= UINT32_MAX);
    record->version = (uint32_t)version;
    if (elements > 1) {
        record->order_no.value = read_uint(reader);
    }
    if (version == ORDER_EVENT_VERSION
            ? elements != ORDER_EVENT_ELEMENTS
            : elements < ORDER_EVENT_ELEMENTS || elements > ORDER_EVENT_ELEMENTS_MAX) {
        fail(reader, ORDER_EVENT_FAULT_ELEMENTS);
    }
}

static void read_ids(struct reader *reader, struct order_record *record)
{
    size_t size;
    const char *text = read_text(reader, &size);

    in_range(reader, buyer_parse(text, size, &record->buyer) == ERR_OK);
    text = read_text(reader, &size);
    in_range(reader, sku_parse(text, size, &record->sku) == ERR_OK);
}

static void read_rest(struct reader *reader, struct order_record *record)
{
    size_t size;
    const char *text;
    uint64_t value = read_uint(reader);

    in_range(reader, value <= QUANTITY_MAX);
    record->quantity = (uint32_t)value;
    record->unit_price = read_uint(reader);
    text = read_text(reader, &size);
    in_range(reader, size == CURRENCY_SIZE);
    if (size == CURRENCY_SIZE) {
        memcpy(record->currency, text, CURRENCY_SIZE);
    }
    value = read_uint(reader);
    in_range(reader, value <= QUANTITY_MAX);
    record->slot = (uint32_t)value;
    text = read_text(reader, &size);
    in_range(reader, key_hash_parse(text, size, &record->key_hash) == ERR_OK);
    value = read_uint(reader);
    in_range(reader, value <= INT64_MAX);
    record->won_at_ms = (int64_t)value;
    value = read_uint(reader);
    in_range(reader, value <= INT64_MAX);
    record->pay_by_ms = (int64_t)value;
    text = read_text(reader, &size);
    in_range(reader, size == 0 || traceparent_parse(text, size, &record->traceparent) == ERR_OK);
}

/* The order_no of a record that is not whole, if it is one. */
static struct order_no hint_of(const struct order_record *record)
{
    char text[ORDER_NO_TEXT_SIZE];
    struct order_no order_no = {0};

    (void)order_no_format(record->order_no, text);
    if (order_no_parse(text, strlen(text), &order_no) != ERR_OK) {
        order_no.value = 0;
    }
    return order_no;
}

enum order_event_fault order_event_read(const void *bytes, size_t size,
                                        struct order_record *ret_record, struct order_no *ret_hint)
{
    struct reader reader = {.at = bytes, .end = (const unsigned char *)bytes + size};
    struct order_record record = {0};
    uint64_t elements = 0;

    if (ret_hint) {
        ret_hint->value = 0;
    }
    if (size == 0 || size > ORDER_EVENT_READ_SIZE_MAX) {
        return size == 0 ? ORDER_EVENT_FAULT_TRUNCATED : ORDER_EVENT_FAULT_TOO_LARGE;
    }
    read_head(&reader, &record, &elements);
    if (ret_hint) {
        *ret_hint = hint_of(&record);
    }
    read_ids(&reader, &record);
    read_rest(&reader, &record);
    for (uint64_t i = ORDER_EVENT_ELEMENTS; i < elements; i++) {
        if (reader.fault != ORDER_EVENT_FAULT_NONE) {
            break;
        }
        skip_element(&reader);
    }
    if (reader.at != reader.end) {
        fail(&reader, ORDER_EVENT_FAULT_TRAILING);
    }
    in_range(&reader, order_record_check(&record) == ERR_OK);
    if (reader.fault == ORDER_EVENT_FAULT_NONE) {
        *ret_record = record;
    }
    return reader.fault;
}
