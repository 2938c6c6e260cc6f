/* Any bytes to the HTTP parser: whole, cut where the input says, and byte by byte. The meaning must
 * be the same, and a parser that asks for more must have left room for it (http_events.h asserts).
 */
#include <stdint.h>
#include <stdlib.h>

#include "support/http_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the input itself says to cut: its bytes once more, as sizes of pieces. */
struct cuts {
    const uint8_t *data;
    size_t size;
    size_t at;
};

static size_t next_cut(void *arg)
{
    struct cuts *cuts = arg;
    uint8_t piece = cuts->data[cuts->at++ % cuts->size];

    return piece % 61 + 1;
}

static void expect_same(const struct buf *whole, const struct buf *other)
{
    ASSERT(!other->failed && whole->size == other->size);
    ASSERT(whole->size == 0 || memcmp(whole->data, other->data, whole->size) == 0);
}

/* An input of 2 to the power of 16 bytes and more takes long byte by byte and shows nothing new. */
enum { INPUT_SIZE_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct cuts cuts = {.data = data, .size = size};
    struct buf whole;
    struct buf other;

    if (size == 0 || size > INPUT_SIZE_MAX) {
        return 0;
    }
    buf_init(&whole, HTTP_EVENTS_MAX_SIZE);
    buf_init(&other, HTTP_EVENTS_MAX_SIZE);
    http_events_feed(bytes, size, http_events_whole, NULL, &whole);
    ASSERT(!whole.failed);
    http_events_feed(bytes, size, next_cut, &cuts, &other);
    expect_same(&whole, &other);
    buf_clear(&other);
    http_events_feed(bytes, size, http_events_bytewise, NULL, &other);
    expect_same(&whole, &other);
    buf_finish(&whole);
    buf_finish(&other);
    return 0;
}
