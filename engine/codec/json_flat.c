#include "codec/json_flat.h"

#include <string.h>

enum { DIGITS_MAX = 18 };

struct reader {
    const char *at, *end;
    struct json_flat *flat;
    uint32_t depth_max;
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end
           && (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r'
               || *reader->at == '\t')) {
        reader->at++;
    }
}

/* Blanks, then this character. */
static bool take(struct reader *reader, char c)
{
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != c) {
        return false;
    }
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word, size_t size)
{
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0) {
        return false;
    }
    reader->at += size;
    return true;
}

/* Behind the opening quote. */
static bool take_text(struct reader *reader, uint32_t *ret_at, uint32_t *ret_size)
{
    struct json_flat *flat = reader->flat;
    const char *begin = reader->at;
    size_t size;

    while (reader->at < reader->end && *reader->at >= ' ' && *reader->at <= '~'
           && *reader->at != '"' && *reader->at != '\\') {
        reader->at++;
    }
    size = (size_t)(reader->at - begin);
    if (reader->at == reader->end || *reader->at != '"'
        || size >= sizeof flat->texts - flat->texts_size) {
        return false;
    }
    reader->at++;
    memcpy(flat->texts + flat->texts_size, begin, size);
    flat->texts[flat->texts_size + size] = '\0';
    *ret_at = flat->texts_size;
    *ret_size = (uint32_t)size;
    flat->texts_size += (uint32_t)size + 1;
    return true;
}

/* A fraction or an exponent stays unread, so that the caller meets neither comma nor bracket. */
static bool take_integer(struct reader *reader, int64_t *ret_integer)
{
    bool is_negative = *reader->at == '-';
    const char *begin;
    int64_t integer = 0;

    reader->at += is_negative ? 1 : 0;
    begin = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'
           && reader->at - begin < DIGITS_MAX) {
        integer = integer * 10 + (*reader->at - '0');
        reader->at++;
    }
    if (reader->at == begin || (*begin == '0' && reader->at - begin > 1)) {
        return false;
    }
    *ret_integer = is_negative ? -integer : integer;
    return true;
}

static struct json_flat_value *new_value(struct reader *reader, enum json_flat_kind kind)
{
    struct json_flat_value *value;

    if (reader->flat->value_count == JSON_FLAT_VALUES_MAX) {
        return NULL;
    }
    value = &reader->flat->values[reader->flat->value_count++];
    value->kind = kind;
    value->integer = 0;
    return value;
}

/* A text or an integer. */
static bool take_item(struct reader *reader)
{
    struct json_flat_value *value;

    skip_blanks(reader);
    if (reader->at == reader->end) {
        return false;
    }
    if (*reader->at == '"') {
        reader->at++;
        value = new_value(reader, JSON_FLAT_TEXT);
        return value && take_text(reader, &value->at, &value->size);
    }
    value = new_value(reader, JSON_FLAT_INTEGER);
    return value && take_integer(reader, &value->integer);
}

/* Behind the opening bracket. */
static bool take_array(struct reader *reader)
{
    struct json_flat_value *value = new_value(reader, JSON_FLAT_ARRAY);

    if (!value || reader->depth_max < 2) {
        return false;
    }
    value->at = reader->flat->value_count;
    value->size = 0;
    if (take(reader, ']')) {
        return true;
    }
    do {
        if (!take_item(reader)) {
            return false;
        }
        value->size++;
    } while (take(reader, ','));
    return take(reader, ']');
}

static bool take_bool(struct reader *reader, bool truth)
{
    struct json_flat_value *value = new_value(reader, JSON_FLAT_BOOL);

    if (!value) {
        return false;
    }
    value->integer = truth ? 1 : 0;
    return true;
}

static bool take_value(struct reader *reader)
{
    skip_blanks(reader);
    if (reader->at == reader->end) {
        return false;
    }
    if (take_word(reader, "[", 1)) {
        return take_array(reader);
    }
    if (take_word(reader, "true", 4)) {
        return take_bool(reader, true);
    }
    if (take_word(reader, "false", 5)) {
        return take_bool(reader, false);
    }
    if (take_word(reader, "null", 4)) {
        return new_value(reader, JSON_FLAT_NULL) != NULL;
    }
    return take_item(reader);
}

static bool take_member(struct reader *reader)
{
    struct json_flat *flat = reader->flat;
    struct json_flat_member *member = &flat->members[flat->member_count];

    if (flat->member_count == JSON_FLAT_MEMBERS_MAX || !take(reader, '"')
        || !take_text(reader, &member->name_at, &member->name_size)
        || json_flat_find(flat, flat->texts + member->name_at) || !take(reader, ':')) {
        return false;
    }
    member->value = flat->value_count;
    flat->member_count++;
    return take_value(reader);
}

bool json_flat_read(const char *text, size_t size, uint32_t depth_max, struct json_flat *flat)
{
    struct reader reader = {.at = text, .end = text + size, .flat = flat, .depth_max = depth_max};

    flat->member_count = 0;
    flat->value_count = 0;
    flat->texts_size = 0;
    if (size == 0 || depth_max < 1 || !take(&reader, '{')) {
        return false;
    }
    if (!take(&reader, '}')) {
        do {
            if (!take_member(&reader)) {
                return false;
            }
        } while (take(&reader, ','));
        if (!take(&reader, '}')) {
            return false;
        }
    }
    skip_blanks(&reader);
    return reader.at == reader.end;
}

const struct json_flat_value *json_flat_find(const struct json_flat *flat, const char *name)
{
    size_t size = strlen(name);

    for (uint32_t i = 0; i < flat->member_count; i++) {
        const struct json_flat_member *member = &flat->members[i];

        /* The first character spares most calls: a token's names are all of one size. */
        if (member->name_size == size && flat->texts[member->name_at] == name[0]
            && memcmp(flat->texts + member->name_at, name, size) == 0) {
            return &flat->values[member->value];
        }
    }
    return NULL;
}
