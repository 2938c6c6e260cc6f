#include "inventory/keys.h"

#include "common/assert.h"
#include "inventory/redis_wire.h"

#include <string.h>

struct key_name {
    const char *text;
    size_t size;
};
static const struct key_name NAMES[KEY_COUNT] = {
#define X(name, literal) [KEY_##name] = {literal, sizeof literal - 1},
    KEYS(X)
#undef X
};

void key_format(struct sale_id sale, enum key key, struct key_text *ret_text)
{
    char *at = ret_text->text;

    ASSERT(sale.value >= 1 && sale.value <= SALE_ID_MAX && key < KEY_COUNT);
    memcpy(at, "{s:", 3);
    at = redis_wire_number(at + 3, sale.value);
    memcpy(at, "}:", 2);
    memcpy(at + 2, NAMES[key].text, NAMES[key].size + 1);
    ret_text->size = (size_t)(at + 2 - ret_text->text) + NAMES[key].size;
    ASSERT(ret_text->size <= KEY_SIZE_MAX);
}
