#include "payments/text.h"

#include <string.h>

enum { DIGITS_MAX = 15 };

bool text_is(struct provider_text text, const char *expected)
{
    return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

bool text_begins(struct provider_text text, const char *prefix)
{
    size_t size = strlen(prefix);

    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

int text_order(struct provider_text a, struct provider_text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool text_is_visible(struct provider_text text, size_t size_min, size_t size_max)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.size >= size_min && text.size <= size_max;
}

bool text_cut(struct provider_text *rest, char separator, struct provider_text *ret_part)
{
    const char *end;

    if (!rest->data) {
        return false;
    }
    end = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    if (!end) {
        *ret_part = *rest;
        *rest = (struct provider_text){NULL, 0};
        return true;
    }
    *ret_part = (struct provider_text){rest->data, (size_t)(end - rest->data)};
    rest->size -= ret_part->size + 1;
    rest->data = end + 1;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct provider_text text_trim(struct provider_text text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

bool text_digits(struct provider_text text, int64_t *ret_value)
{
    int64_t value = 0;

    for (size_t i = 0; i < text.size && i < DIGITS_MAX; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    if (text.size < 1 || text.size > DIGITS_MAX) {
        return false;
    }
    *ret_value = value;
    return true;
}
