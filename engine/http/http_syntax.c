#include "http/http_syntax.h"

#include "common/assert.h"

#include <string.h>

enum {
    IS_TOKEN = 1,   /* tchar */
    IS_TARGET = 2,  /* what a path or query is made of, '%' aside */
    IS_HOST = 4,    /* a registered name, the strict part */
    IS_LITERAL = 8, /* inside the brackets of an IP literal */
    IS_ID = 16,     /* X-Request-Id */
    IS_DIGIT = IS_TOKEN | IS_TARGET | IS_HOST | IS_LITERAL | IS_ID,
    IS_HEX = IS_DIGIT,
    IS_ALPHA = IS_TOKEN | IS_TARGET | IS_HOST | IS_ID,
    METHOD_SIZE_MAX = 7,
    PORT_DIGITS_MAX = 5,
    REQUEST_ID_SIZE_MAX = 64,
    DECIMAL_DIGITS_MAX = 19,
    HEX_DIGITS_MAX = 8
};

static const uint8_t classes[256] = {
    ['!'] = IS_TOKEN | IS_TARGET,
    ['#'] = IS_TOKEN,
    ['$'] = IS_TOKEN | IS_TARGET,
    ['%'] = IS_TOKEN,
    ['&'] = IS_TOKEN | IS_TARGET,
    ['\''] = IS_TOKEN | IS_TARGET,
    ['('] = IS_TARGET,
    [')'] = IS_TARGET,
    ['*'] = IS_TOKEN | IS_TARGET,
    ['+'] = IS_TOKEN | IS_TARGET,
    [','] = IS_TARGET,
    ['-'] = IS_TOKEN | IS_TARGET | IS_HOST | IS_ID,
    ['.'] = IS_TOKEN | IS_TARGET | IS_HOST | IS_LITERAL | IS_ID,
    ['/'] = IS_TARGET,
    ['0'] = IS_DIGIT,
    ['1'] = IS_DIGIT,
    ['2'] = IS_DIGIT,
    ['3'] = IS_DIGIT,
    ['4'] = IS_DIGIT,
    ['5'] = IS_DIGIT,
    ['6'] = IS_DIGIT,
    ['7'] = IS_DIGIT,
    ['8'] = IS_DIGIT,
    ['9'] = IS_DIGIT,
    [':'] = IS_TARGET | IS_LITERAL,
    [';'] = IS_TARGET,
    ['='] = IS_TARGET,
    ['?'] = IS_TARGET,
    ['@'] = IS_TARGET,
    ['A'] = IS_HEX,
    ['B'] = IS_HEX,
    ['C'] = IS_HEX,
    ['D'] = IS_HEX,
    ['E'] = IS_HEX,
    ['F'] = IS_HEX,
    ['G'] = IS_ALPHA,
    ['H'] = IS_ALPHA,
    ['I'] = IS_ALPHA,
    ['J'] = IS_ALPHA,
    ['K'] = IS_ALPHA,
    ['L'] = IS_ALPHA,
    ['M'] = IS_ALPHA,
    ['N'] = IS_ALPHA,
    ['O'] = IS_ALPHA,
    ['P'] = IS_ALPHA,
    ['Q'] = IS_ALPHA,
    ['R'] = IS_ALPHA,
    ['S'] = IS_ALPHA,
    ['T'] = IS_ALPHA,
    ['U'] = IS_ALPHA,
    ['V'] = IS_ALPHA,
    ['W'] = IS_ALPHA,
    ['X'] = IS_ALPHA,
    ['Y'] = IS_ALPHA,
    ['Z'] = IS_ALPHA,
    ['^'] = IS_TOKEN,
    ['_'] = IS_TOKEN | IS_TARGET | IS_HOST | IS_ID,
    ['`'] = IS_TOKEN,
    ['a'] = IS_HEX,
    ['b'] = IS_HEX,
    ['c'] = IS_HEX,
    ['d'] = IS_HEX,
    ['e'] = IS_HEX,
    ['f'] = IS_HEX,
    ['g'] = IS_ALPHA,
    ['h'] = IS_ALPHA,
    ['i'] = IS_ALPHA,
    ['j'] = IS_ALPHA,
    ['k'] = IS_ALPHA,
    ['l'] = IS_ALPHA,
    ['m'] = IS_ALPHA,
    ['n'] = IS_ALPHA,
    ['o'] = IS_ALPHA,
    ['p'] = IS_ALPHA,
    ['q'] = IS_ALPHA,
    ['r'] = IS_ALPHA,
    ['s'] = IS_ALPHA,
    ['t'] = IS_ALPHA,
    ['u'] = IS_ALPHA,
    ['v'] = IS_ALPHA,
    ['w'] = IS_ALPHA,
    ['x'] = IS_ALPHA,
    ['y'] = IS_ALPHA,
    ['z'] = IS_ALPHA,
    ['|'] = IS_TOKEN,
    ['~'] = IS_TOKEN | IS_TARGET | IS_HOST,
};

static bool is(char c, uint8_t kind)
{
    return (classes[(uint8_t)c] & kind) != 0;
}

static bool all_are(const char *text, size_t size, uint8_t kind)
{
    for (size_t i = 0; i < size; i++) {
        if (!is(text[i], kind)) {
            return false;
        }
    }
    return true;
}

static bool is_decimal_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

size_t http_syntax_token_size(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size && is(text[at], IS_TOKEN)) {
        at++;
    }
    return at;
}

/* One of the eight bytes is below 0x20 or is 0x7f. */
static bool word_has_control(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t below_blank = (word - ones * 0x20) & ~word;
    uint64_t del = word ^ ones * 0x7f;

    return ((below_blank | ((del - ones) & ~del)) & highs) != 0;
}

static bool bytes_are_field_value(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)text[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool http_syntax_is_field_value(const char *text, size_t size)
{
    uint64_t word;

    while (size >= sizeof word) {
        memcpy(&word, text, sizeof word);
        if (word_has_control(word) && !bytes_are_field_value(text, sizeof word)) {
            return false;
        }
        text += sizeof word;
        size -= sizeof word;
    }
    return bytes_are_field_value(text, size);
}

int http_syntax_hex_digit(char c)
{
    if (is_decimal_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

static bool is_percent_triplet(const char *text, size_t size)
{
    return size >= 3 && text[0] == '%' && http_syntax_hex_digit(text[1]) >= 0
           && http_syntax_hex_digit(text[2]) >= 0;
}

bool http_syntax_is_target(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        if (is(text[at], IS_TARGET)) {
            at++;
        } else if (is_percent_triplet(text + at, size - at)) {
            at += 3;
        } else {
            return false;
        }
    }
    return size > 0;
}

/* ":" and the port's digits, or nothing. */
static bool is_port(const char *text, size_t size)
{
    uint64_t port;

    if (size == 0) {
        return true;
    }
    return text[0] == ':' && size - 1 <= PORT_DIGITS_MAX
           && http_syntax_decimal(text + 1, size - 1, &port) && port <= UINT16_MAX;
}

/* Bytes of the host before its port. 0: malformed. */
static size_t host_name_size(const char *text, size_t size)
{
    const char *end;

    if (size == 0) {
        return 0;
    }
    if (text[0] == '[') {
        end = memchr(text, ']', size);
        return end && end - text > 2 ? (size_t)(end - text) + 1 : 0;
    }
    end = memchr(text, ':', size);
    return end ? (size_t)(end - text) : size;
}

bool http_syntax_is_host(const char *text, size_t size)
{
    size_t name = host_name_size(text, size);

    if (name == 0) {
        return false;
    }
    if (text[0] == '[' ? !all_are(text + 1, name - 2, IS_LITERAL) : !all_are(text, name, IS_HOST)) {
        return false;
    }
    return is_port(text + name, size - name);
}

static bool equal_without_case(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (to_lower(a[i]) != to_lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool http_syntax_host_matches(struct http_slice host, struct http_slice wanted)
{
    size_t host_name = host_name_size(host.data, host.size);
    size_t wanted_name = host_name_size(wanted.data, wanted.size);
    size_t compared = wanted_name == wanted.size ? host_name : host.size;

    return compared == wanted.size && equal_without_case(host.data, wanted.data, compared);
}

bool http_syntax_is_request_id(const char *text, size_t size)
{
    return size >= 1 && size <= REQUEST_ID_SIZE_MAX && all_are(text, size, IS_ID);
}

bool http_syntax_equal(struct http_slice slice, const char *lower, size_t lower_size)
{
    if (slice.size != lower_size) {
        return false;
    }
    for (size_t i = 0; i < lower_size; i++) {
        if (slice.data[i] != lower[i] && to_lower(slice.data[i]) != lower[i]) {
            return false;
        }
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct http_slice trim(struct http_slice slice)
{
    while (slice.size > 0 && is_blank(slice.data[0])) {
        slice.data++;
        slice.size--;
    }
    while (slice.size > 0 && is_blank(slice.data[slice.size - 1])) {
        slice.size--;
    }
    return slice;
}

bool http_syntax_is_json_type(struct http_slice value)
{
    static const char json[] = "application/json";
    const char *end = value.size > 0 ? memchr(value.data, ';', value.size) : NULL;
    struct http_slice type = value;

    if (end) {
        type.size = (size_t)(end - value.data);
    }
    return http_syntax_equal(trim(type), json, sizeof json - 1);
}

bool http_syntax_list_has(struct http_slice list, const char *lower, size_t lower_size)
{
    while (list.size > 0) {
        const char *comma = memchr(list.data, ',', list.size);
        size_t size = comma ? (size_t)(comma - list.data) : list.size;

        if (http_syntax_equal(trim((struct http_slice){list.data, size}), lower, lower_size)) {
            return true;
        }
        if (!comma) {
            return false;
        }
        list.data += size + 1;
        list.size -= size + 1;
    }
    return false;
}

static const char method_names[HTTP_METHOD_COUNT][METHOD_SIZE_MAX + 1] = {
    [HTTP_METHOD_GET] = "GET",         [HTTP_METHOD_HEAD] = "HEAD",
    [HTTP_METHOD_POST] = "POST",       [HTTP_METHOD_PUT] = "PUT",
    [HTTP_METHOD_PATCH] = "PATCH",     [HTTP_METHOD_DELETE] = "DELETE",
    [HTTP_METHOD_OPTIONS] = "OPTIONS", [HTTP_METHOD_OTHER] = "",
};

enum http_method http_syntax_method(const char *text, size_t size)
{
    /* The two that nearly every request has. */
    if (size == 4 && memcmp(text, "POST", 4) == 0) {
        return HTTP_METHOD_POST;
    }
    if (size == 3 && memcmp(text, "GET", 3) == 0) {
        return HTTP_METHOD_GET;
    }
    for (int method = 0; method < HTTP_METHOD_OTHER; method++) {
        const char *name = method_names[method];

        if (strlen(name) == size && memcmp(name, text, size) == 0) {
            return (enum http_method)method;
        }
    }
    return HTTP_METHOD_OTHER;
}

const char *http_syntax_method_name(enum http_method method)
{
    ASSERT(method < HTTP_METHOD_COUNT);
    return method_names[method];
}

bool http_syntax_decimal(const char *text, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (size == 0 || size > DECIMAL_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_decimal_digit(text[i])) {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_value = value;
    return true;
}

size_t http_syntax_hex(const char *text, size_t size, uint32_t *ret_value)
{
    uint32_t value = 0;
    size_t at = 0;

    while (at < size && http_syntax_hex_digit(text[at]) >= 0) {
        if (at == HEX_DIGITS_MAX) {
            return 0;
        }
        value = value << 4 | (uint32_t)http_syntax_hex_digit(text[at]);
        at++;
    }
    *ret_value = value;
    return at;
}
