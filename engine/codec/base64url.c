#include "codec/base64url.h"

#include <stdint.h>

static const signed char digit_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

/* The value plus one is in the table, so that 0 means "not a digit". */
static int digit(char c)
{
    return digit_values[(unsigned char)c] - 1;
}

/* Four digits to three bytes; negative when one is none. */
static int decode_four(const char *text, unsigned char *bytes)
{
    int a = digit(text[0]), b = digit(text[1]), c = digit(text[2]), d = digit(text[3]);
    unsigned bits = (unsigned)a << 18 | (unsigned)b << 12 | (unsigned)c << 6 | (unsigned)d;

    bytes[0] = (unsigned char)(bits >> 16);
    bytes[1] = (unsigned char)(bits >> 8);
    bytes[2] = (unsigned char)bits;
    return a | b | c | d;
}

bool base64url_decode(const char *text, size_t size, unsigned char *bytes, size_t room,
                      size_t *ret_size)
{
    size_t out = size / 4 * 3 + (size % 4 > 1 ? size % 4 - 1 : 0), at = 0, i = 0;
    uint32_t bits = 0;
    int bad = 0;

    if (size == 0 || size % 4 == 1 || out > room) {
        return false;
    }
    for (; size - i >= 4; i += 4, at += 3) {
        bad |= decode_four(text + i, bytes + at);
    }
    for (; i < size; i++) {
        int value = digit(text[i]);

        bad |= value;
        bits = bits << 6 | ((uint32_t)value & 63);
    }
    if (size % 4 == 2) {
        bytes[at++] = (unsigned char)(bits >> 4);
        bad |= (bits & 15) ? -1 : 0;
    } else if (size % 4 == 3) {
        bytes[at++] = (unsigned char)(bits >> 10);
        bytes[at++] = (unsigned char)(bits >> 2);
        bad |= (bits & 3) ? -1 : 0;
    }
    if (bad < 0) {
        return false;
    }
    *ret_size = out;
    return true;
}
