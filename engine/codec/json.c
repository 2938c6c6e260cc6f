#include "codec/json.h"

#include "common/assert.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REPEATED_SIZE_MAX = 48 };

static void say(struct json_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct json_error *error, const char *format, ...)
{
    va_list arguments;

    if (!error) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

/* Input may be anything: only what is surely harmless in a log or a reply is repeated. */
static const char *visible(const char *text, char copy[static REPEATED_SIZE_MAX + 1])
{
    size_t size = 0;

    for (; text[size] != '\0' && size < REPEATED_SIZE_MAX; size++) {
        char c = text[size];

        copy[size] = (c > ' ' && c <= '~' && c != '"' && c != '\\') ? c : '?';
    }
    copy[size] = '\0';
    return copy;
}

/* The nesting of a text, before jansson recurses into it: brackets outside of strings. What is not
 * JSON gives any number; jansson refuses it then. */
static uint32_t depth_of(const char *text, size_t size, uint32_t enough)
{
    uint32_t depth = 0, deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < size && deepest <= enough; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

static enum err fault_of(const json_error_t *fault, struct json_error *error)
{
    char copy[REPEATED_SIZE_MAX + 1];

    switch (json_error_code(fault)) {
    case json_error_out_of_memory: say(error, "out of memory"); return ERR_NO_MEMORY;
    case json_error_duplicate_key:
        say(error, "a member is there twice (line %d, column %d)", fault->line, fault->column);
        return ERR_PARSE;
    case json_error_invalid_utf8: say(error, "a text is not UTF-8"); return ERR_PARSE;
    case json_error_null_character:
    case json_error_null_byte_in_key: say(error, "a text holds a NUL"); return ERR_PARSE;
    case json_error_numeric_overflow: say(error, "a number is too large"); return ERR_PARSE;
    case json_error_end_of_input_expected:
        say(error, "something follows behind the object");
        return ERR_PARSE;
    case json_error_premature_end_of_input: say(error, "the text ends too early"); return ERR_PARSE;
    default: /* the enum is jansson's, and grows */
        say(error, "not JSON at byte %d (%s)", fault->position, visible(fault->source, copy));
        return ERR_PARSE;
    }
}

enum err json_doc_read(const void *text, size_t size, const struct json_limits *limits,
                       struct json_doc *ret_doc, struct json_error *ret_error)
{
    json_error_t fault;
    json_t *root;

    if (size > limits->size_max) {
        say(ret_error, "larger than %zu bytes", limits->size_max);
        return ERR_RANGE;
    }
    ret_doc->root = NULL;
    ret_doc->is_flat = json_flat_read(text, size, limits->depth_max, &ret_doc->flat);
    if (ret_doc->is_flat) {
        return ERR_OK;
    }
    if (depth_of(text, size, limits->depth_max) > limits->depth_max) {
        say(ret_error, "nested deeper than %" PRIu32, limits->depth_max);
        return ERR_RANGE;
    }
    root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    if (!root) {
        return fault_of(&fault, ret_error);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        say(ret_error, "must be an object");
        return ERR_PARSE;
    }
    ret_doc->root = root;
    return ERR_OK;
}

void json_doc_finish(struct json_doc *doc)
{
    json_decref(doc->root);
    doc->root = NULL;
    doc->is_flat = false;
}

struct json_in json_doc_root(const struct json_doc *doc)
{
    ASSERT(doc->root || doc->is_flat);
    return doc->is_flat ? (struct json_in){.node = &doc->flat, .flat = &doc->flat}
                        : (struct json_in){.node = doc->root};
}

/* --- one view of both kinds of nodes */

enum kind { KIND_OBJECT, KIND_ARRAY, KIND_TEXT, KIND_INTEGER, KIND_BOOL, KIND_OTHER };

static const struct json_flat_value *flat_of(struct json_in in)
{
    ASSERT(in.flat && in.node != in.flat);
    return in.node;
}

static enum kind flat_kind_of(struct json_in in)
{
    if (in.node == in.flat) {
        return KIND_OBJECT;
    }
    switch (flat_of(in)->kind) {
    case JSON_FLAT_TEXT: return KIND_TEXT;
    case JSON_FLAT_INTEGER: return KIND_INTEGER;
    case JSON_FLAT_BOOL: return KIND_BOOL;
    case JSON_FLAT_NULL: return KIND_OTHER;
    case JSON_FLAT_ARRAY: return KIND_ARRAY;
    }
    UNREACHABLE();
}

static enum kind kind_of(struct json_in in)
{
    if (!in.node) {
        return KIND_OTHER;
    }
    if (in.flat) {
        return flat_kind_of(in);
    }
    switch (json_typeof((const json_t *)in.node)) {
    case JSON_OBJECT: return KIND_OBJECT;
    case JSON_ARRAY: return KIND_ARRAY;
    case JSON_STRING: return KIND_TEXT;
    case JSON_INTEGER: return KIND_INTEGER;
    case JSON_TRUE:
    case JSON_FALSE: return KIND_BOOL;
    case JSON_REAL:
    case JSON_NULL: return KIND_OTHER;
    }
    UNREACHABLE();
}

/* A node of NULL: no such member. */
static struct json_in member_of(struct json_in object, const char *name)
{
    if (object.flat) {
        return (struct json_in){.node = json_flat_find(object.flat, name), .flat = object.flat};
    }
    return (struct json_in){.node = json_object_get((const json_t *)object.node, name)};
}

static size_t size_of(struct json_in object)
{
    return object.flat ? object.flat->member_count : json_object_size((const json_t *)object.node);
}

static int64_t integer_of(struct json_in in)
{
    return in.flat ? flat_of(in)->integer : json_integer_value((const json_t *)in.node);
}

static bool truth_of(struct json_in in)
{
    return in.flat ? flat_of(in)->integer == 1 : json_is_true((const json_t *)in.node);
}

static uint32_t count_of(struct json_in array)
{
    return array.flat ? flat_of(array)->size
                      : (uint32_t)json_array_size((const json_t *)array.node);
}

static const char *text_of(struct json_in in, size_t *ret_size)
{
    if (in.flat) {
        *ret_size = flat_of(in)->size;
        return in.flat->texts + flat_of(in)->at;
    }
    *ret_size = json_string_length((const json_t *)in.node);
    return json_string_value((const json_t *)in.node);
}

/* --- members */

void json_take_begin(struct json_take *take, struct json_in in)
{
    take->in = in;
    take->asked_count = 0;
    take->found_count = 0;
    take->failed = false;
    take->error.text[0] = '\0';
    if (kind_of(in) != KIND_OBJECT) {
        take->failed = true;
        say(&take->error, "must be an object");
    }
}

void json_take_fault(struct json_take *take, const char *name, const char *what)
{
    if (!take->failed) {
        take->failed = true;
        say(&take->error, "member \"%s\" %s", name, what);
    }
}

/* A node of NULL: not there, or the object has failed before. */
static struct json_in ask(struct json_take *take, const char *name, enum json_need need)
{
    struct json_in value, none = {0};

    ASSERT(take->asked_count < JSON_TAKE_MEMBERS_MAX);
    take->asked[take->asked_count++] = name;
    if (take->failed) {
        return none;
    }
    value = member_of(take->in, name);
    if (!value.node) {
        if (need == JSON_REQUIRED) {
            json_take_fault(take, name, "is missing");
        }
        return none;
    }
    take->found_count++;
    return value;
}

bool json_take_text(struct json_take *take, const char *name, enum json_need need, size_t size_min,
                    size_t size_max, const char **ret_text, size_t *ret_size)
{
    struct json_in value = ask(take, name, need);
    const char *text;
    size_t size;

    if (!value.node) {
        return false;
    }
    if (kind_of(value) != KIND_TEXT) {
        json_take_fault(take, name, "must be a text");
        return false;
    }
    text = text_of(value, &size);
    if (size < size_min || size > size_max) {
        take->failed = true;
        say(&take->error, "member \"%s\" must be a text of %zu to %zu bytes", name, size_min,
            size_max);
        return false;
    }
    *ret_text = text;
    *ret_size = size;
    return true;
}

bool json_take_i64(struct json_take *take, const char *name, enum json_need need, int64_t min,
                   int64_t max, int64_t *ret_value)
{
    struct json_in value = ask(take, name, need);

    if (!value.node) {
        return false;
    }
    if (kind_of(value) != KIND_INTEGER || integer_of(value) < min || integer_of(value) > max) {
        take->failed = true;
        say(&take->error, "member \"%s\" must be an integer from %" PRId64 " to %" PRId64, name,
            min, max);
        return false;
    }
    *ret_value = integer_of(value);
    return true;
}

bool json_take_u64(struct json_take *take, const char *name, enum json_need need, uint64_t min,
                   uint64_t max, uint64_t *ret_value)
{
    int64_t value;

    ASSERT(max <= INT64_MAX && min <= max);
    if (!json_take_i64(take, name, need, (int64_t)min, (int64_t)max, &value)) {
        return false;
    }
    *ret_value = (uint64_t)value;
    return true;
}

bool json_take_u32(struct json_take *take, const char *name, enum json_need need, uint32_t min,
                   uint32_t max, uint32_t *ret_value)
{
    int64_t value;

    ASSERT(min <= max);
    if (!json_take_i64(take, name, need, min, max, &value)) {
        return false;
    }
    *ret_value = (uint32_t)value;
    return true;
}

bool json_take_bool(struct json_take *take, const char *name, enum json_need need, bool *ret_value)
{
    struct json_in value = ask(take, name, need);

    if (!value.node) {
        return false;
    }
    if (kind_of(value) != KIND_BOOL) {
        json_take_fault(take, name, "must be true or false");
        return false;
    }
    *ret_value = truth_of(value);
    return true;
}

bool json_take_array(struct json_take *take, const char *name, enum json_need need,
                     uint32_t count_min, uint32_t count_max, struct json_in *ret_array,
                     uint32_t *ret_count)
{
    struct json_in value = ask(take, name, need);
    uint32_t count;

    if (!value.node) {
        return false;
    }
    count = kind_of(value) == KIND_ARRAY ? count_of(value) : 0;
    if (kind_of(value) != KIND_ARRAY || count < count_min || count > count_max) {
        take->failed = true;
        say(&take->error, "member \"%s\" must be a list of %" PRIu32 " to %" PRIu32, name,
            count_min, count_max);
        return false;
    }
    *ret_array = value;
    *ret_count = count;
    return true;
}

bool json_take_object(struct json_take *take, const char *name, enum json_need need,
                      struct json_in *ret_object)
{
    struct json_in value = ask(take, name, need);

    if (!value.node) {
        return false;
    }
    if (kind_of(value) != KIND_OBJECT) {
        json_take_fault(take, name, "must be an object");
        return false;
    }
    *ret_object = value;
    return true;
}

bool json_take_any(struct json_take *take, const char *name, enum json_need need,
                   struct json_in *ret_value)
{
    struct json_in value = ask(take, name, need);

    if (!value.node) {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool was_asked(const struct json_take *take, const char *name)
{
    for (uint32_t i = 0; i < take->asked_count; i++) {
        if (strcmp(take->asked[i], name) == 0) {
            return true;
        }
    }
    return false;
}

enum err json_take_end_open(const struct json_take *take, struct json_error *ret_error)
{
    if (!take->failed) {
        return ERR_OK;
    }
    if (ret_error) {
        *ret_error = take->error;
    }
    return ERR_PARSE;
}

/* Of the members of jansson's object. */
static const char *unknown_of_tree(const struct json_take *take)
{
    json_t *node = (json_t *)(uintptr_t)take->in.node, *value;
    const char *name;

    json_object_foreach(node, name, value)
    {
        if (!was_asked(take, name)) {
            return name;
        }
    }
    return NULL;
}

static const char *unknown_of_flat(const struct json_take *take)
{
    const struct json_flat *flat = take->in.flat;

    for (uint32_t i = 0; i < flat->member_count; i++) {
        const char *name = flat->texts + flat->members[i].name_at;

        if (!was_asked(take, name)) {
            return name;
        }
    }
    return NULL;
}

enum err json_take_end(const struct json_take *take, struct json_error *ret_error)
{
    char copy[REPEATED_SIZE_MAX + 1];
    const char *name;

    if (take->failed) {
        return json_take_end_open(take, ret_error);
    }
    if (take->found_count == size_of(take->in)) {
        return ERR_OK;
    }
    name = take->in.flat ? unknown_of_flat(take) : unknown_of_tree(take);
    ASSERT(name);
    say(ret_error, "member \"%s\" is unknown", visible(name, copy));
    return ERR_PARSE;
}

struct json_in json_item(struct json_in array, uint32_t index)
{
    ASSERT(kind_of(array) == KIND_ARRAY && index < count_of(array));
    if (array.flat) {
        const struct json_flat_value *value = flat_of(array);

        return (struct json_in){.node = &array.flat->values[value->at + index], .flat = array.flat};
    }
    return (struct json_in){.node = json_array_get((const json_t *)array.node, index)};
}

bool json_in_is_array(struct json_in value, uint32_t *ret_count)
{
    if (kind_of(value) != KIND_ARRAY) {
        return false;
    }
    *ret_count = count_of(value);
    return true;
}

bool json_in_is_text(struct json_in value, const char **ret_text, size_t *ret_size)
{
    if (kind_of(value) != KIND_TEXT) {
        return false;
    }
    *ret_text = text_of(value, ret_size);
    return true;
}
