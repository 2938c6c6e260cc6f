#include "inventory/redis_wire.h"

char *redis_wire_number(char *at, uint64_t value)
{
    char digits[REDIS_WIRE_NUMBER_SIZE_MAX];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0) {
        *at++ = digits[--count];
    }
    return at;
}

char *redis_wire_array(char *at, uint64_t count)
{
    *at++ = '*';
    at = redis_wire_number(at, count);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

char *redis_wire_bulk_number(char *at, uint64_t value)
{
    char text[REDIS_WIRE_NUMBER_SIZE_MAX];
    char *end = redis_wire_number(text, value);

    return redis_wire_bulk(at, text, (size_t)(end - text));
}

void redis_wire_bulks(struct buf *out, uint32_t argc, const char *const *argv, const size_t *sizes)
{
    for (uint32_t i = 0; i < argc; i++) {
        char *at = buf_reserve(out, redis_wire_bulk_size(sizes[i]));

        if (!at) {
            return;
        }
        buf_commit(out, (size_t)(redis_wire_bulk(at, argv[i], sizes[i]) - at));
    }
}

void redis_wire_command(struct buf *out, uint32_t argc, const char *const *argv,
                        const size_t *sizes)
{
    char *at = buf_reserve(out, REDIS_WIRE_HEAD_SIZE_MAX);

    if (!at) {
        return;
    }
    buf_commit(out, (size_t)(redis_wire_array(at, argc) - at));
    redis_wire_bulks(out, argc, argv, sizes);
}
