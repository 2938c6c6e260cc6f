/* The quick JSON reader against jansson: what the first takes, the second takes, too, and both say
 * the same of each member. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/json.h"
#include "common/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_item(const struct json_flat *flat, const struct json_flat_value *value,
                         const json_t *other)
{
    ASSERT(other);
    switch (value->kind) {
    case JSON_FLAT_TEXT:
        ASSERT(json_is_string(other) && json_string_length(other) == value->size);
        ASSERT(memcmp(json_string_value(other), flat->texts + value->at, value->size + 1) == 0);
        return;
    case JSON_FLAT_INTEGER:
        ASSERT(json_is_integer(other) && json_integer_value(other) == value->integer);
        return;
    case JSON_FLAT_BOOL:
        ASSERT(json_is_boolean(other) && json_is_true(other) == (value->integer == 1));
        return;
    case JSON_FLAT_NULL: ASSERT(json_is_null(other)); return;
    case JSON_FLAT_ARRAY:
        ASSERT(json_is_array(other) && json_array_size(other) == value->size);
        return;
    }
    UNREACHABLE();
}

static void compare(const struct json_flat *flat, const json_t *root)
{
    ASSERT(json_is_object(root) && json_object_size(root) == flat->member_count);
    for (uint32_t i = 0; i < flat->member_count; i++) {
        const char *name = flat->texts + flat->members[i].name_at;
        const struct json_flat_value *value = json_flat_find(flat, name);
        const json_t *other = json_object_get(root, name);

        ASSERT(value == &flat->values[flat->members[i].value]);
        compare_item(flat, value, other);
        for (uint32_t item = 0; value->kind == JSON_FLAT_ARRAY && item < value->size; item++) {
            compare_item(flat, &flat->values[value->at + item], json_array_get(other, item));
        }
    }
}

/* The public reader takes any bytes. */
static void read_members(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.size_max = 4096, .depth_max = 4};
    struct json_doc doc = {0};
    struct json_error error = {""};
    struct json_take take;
    const char *text;
    size_t text_size;
    uint64_t number;

    if (json_doc_read(data, size, &limits, &doc, &error) != ERR_OK) {
        ASSERT(error.text[0] != '\0');
        return;
    }
    json_take_begin(&take, json_doc_root(&doc));
    (void)json_take_text(&take, "sku", JSON_REQUIRED, 1, 32, &text, &text_size);
    (void)json_take_u64(&take, "quantity", JSON_OPTIONAL, 1, 1000, &number);
    ASSERT((json_take_end(&take, &error) == ERR_OK) == (error.text[0] == '\0'));
    json_doc_finish(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_flat flat;
    json_error_t fault;
    json_t *root;

    read_members(data, size);
    if (json_flat_read((const char *)data, size, 2, &flat)) {
        root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &fault);
        ASSERT(root);
        compare(&flat, root);
        json_decref(root);
    }
    return 0;
}
