#include "payments/encoding.h"

#include "codec/base64url.h"

enum { DIGITS = 4, BYTES = 3 };

/* The digit in the alphabet of base64url; a character of that alphabet alone becomes none. */
static char url_digit(char c)
{
    switch (c) {
    case '+': return '-';
    case '/': return '_';
    case '-':
    case '_': return '=';
    default: return c;
    }
}

bool encoding_base64(struct provider_text text, unsigned char *bytes, size_t room, size_t *ret_size)
{
    size_t at = 0;

    if (text.size == 0 || text.size % DIGITS != 0) {
        return false;
    }
    for (size_t i = 0; i < text.size; i += DIGITS) {
        char digits[DIGITS];
        size_t digit_count = DIGITS, size;

        for (size_t j = 0; j < DIGITS; j++) {
            digits[j] = url_digit(text.data[i + j]);
        }
        if (i + DIGITS == text.size) {
            digit_count -= text.data[i + 3] == '=' ? 1 : 0;
            digit_count -= digit_count == 3 && text.data[i + 2] == '=' ? 1 : 0;
        }
        if (room - at < BYTES - (DIGITS - digit_count)
            || !base64url_decode(digits, digit_count, bytes + at, room - at, &size)) {
            return false;
        }
        at += size;
    }
    *ret_size = at;
    return true;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool encoding_hex(struct provider_text text, unsigned char *bytes, size_t size)
{
    if (text.size != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = nibble(text.data[2 * i]), low = nibble(text.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
