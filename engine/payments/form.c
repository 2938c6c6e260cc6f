#include "payments/form.h"

#include "payments/text.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The bytes of one name or value to `to`; their number, -1: cannot be read. */
static int decode(struct provider_text text, char *to)
{
    int size = 0;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c <= ' ' || c > '~') {
            return -1;
        }
        if (c == '%') {
            int high = text.size - i > 2 ? hex_digit(text.data[i + 1]) : -1;
            int low = text.size - i > 2 ? hex_digit(text.data[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return -1;
            }
            c = (char)(unsigned char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == '\0') {
            return -1;
        }
        to[size++] = c;
    }
    return size;
}

static bool is_name(struct provider_text name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9')
            && !strchr("._-", c)) {
            return false;
        }
    }
    return name.size > 0;
}

/* Its place among those that are there; false: the name is there. */
static bool insert(struct form *form, const struct form_field *field)
{
    uint32_t at = form->count;

    while (at > 0 && text_order(field->name, form->fields[at - 1].name) < 0) {
        at--;
    }
    if (at > 0 && text_order(field->name, form->fields[at - 1].name) == 0) {
        return false;
    }
    memmove(&form->fields[at + 1], &form->fields[at], (form->count - at) * sizeof form->fields[0]);
    form->fields[at] = *field;
    form->count++;
    return true;
}

bool form_read(const char *body, size_t size, struct form *form)
{
    struct provider_text rest = {body, size}, item, name;
    char *to = form->bytes;

    form->count = 0;
    if (size == 0 || size > sizeof form->bytes) {
        return false;
    }
    while (text_cut(&rest, '&', &item)) {
        int name_size, value_size;
        struct form_field field;

        if (!text_cut(&item, '=', &name) || !item.data || form->count == FORM_FIELDS_MAX) {
            return false;
        }
        name_size = decode(name, to);
        value_size = name_size < 0 ? -1 : decode(item, to + name_size);
        if (value_size < 0) {
            return false;
        }
        field.name = (struct provider_text){to, (size_t)name_size};
        field.value = (struct provider_text){to + name_size, (size_t)value_size};
        to += name_size + value_size;
        if (!is_name(field.name) || !insert(form, &field)) {
            return false;
        }
    }
    return true;
}

bool form_field(const struct form *form, const char *name, struct provider_text *ret_value)
{
    for (uint32_t i = 0; i < form->count; i++) {
        if (text_is(form->fields[i].name, name)) {
            *ret_value = form->fields[i].value;
            return true;
        }
    }
    return false;
}
