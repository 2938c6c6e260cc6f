#include "codec/record_out.h"

#include "common/assert.h"

#include <msgpack.h>
#include <string.h>

static int append(void *data, const char *bytes, size_t size)
{
    struct record_out *out = data;

    ASSERT(size <= out->room - out->size);
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
    return 0;
}

void record_out_begin(struct record_out *out, void *bytes, size_t room, uint32_t elements)
{
    msgpack_packer packer;

    *out = (struct record_out){.bytes = bytes, .room = room};
    msgpack_packer_init(&packer, out, append);
    (void)msgpack_pack_array(&packer, elements);
}

void record_out_uint(struct record_out *out, uint64_t value)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, out, append);
    (void)msgpack_pack_uint64(&packer, value);
}

void record_out_text(struct record_out *out, const char *text, size_t size)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, out, append);
    (void)msgpack_pack_str(&packer, size);
    (void)msgpack_pack_str_body(&packer, text, size);
}
