#include "markup.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Bytes of the UTF-8 character that begins at `text`; 0: none does. Long forms, surrogates and
 * what lies past U+10FFFF are none. */
static size_t character_size(const unsigned char *text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t size = text[0] < 0x80   ? 1
                        : text[0] < 0xc2 ? 0
                        : text[0] < 0xe0 ? 2
                        : text[0] < 0xf0 ? 3
                        : text[0] < 0xf5 ? 4
                                         : 0;
    uint32_t code = size > 1 ? text[0] & (0x7fu >> size) : text[0];

    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3fu);
    }
    if (size > 1 && (code < smallest[size] || code > 0x10ffff || (code >> 11) == 0x1b)) {
        return 0;
    }
    return size;
}

static const char *entity(char letter)
{
    switch (letter) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void markup_text(FILE *page, const char *text)
{
    while (*text) {
        const size_t size = character_size((const unsigned char *)text);
        const bool control =
            ((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t') || *text == 0x7f;
        const char *replacement = size == 0 || control ? "?" : entity(*text);
        if (replacement) {
            fputs(replacement, page);
        } else {
            fwrite(text, 1, size, page);
        }
        text += size ? size : 1;
    }
}

void markup_count(uint64_t value, char text[MARKUP_NUMBER_SIZE])
{
    char digits[MARKUP_NUMBER_SIZE];
    const int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);

    for (int i = 0; i < size; i++) {
        *text++ = digits[i];
        if ((size - i) % 3 == 1 && i + 1 < size) {
            *text++ = ',';
        }
    }
    *text = '\0';
}

void markup_figures(double value, char text[MARKUP_NUMBER_SIZE])
{
    if (!isfinite(value) || value < 0) {
        snprintf(text, MARKUP_NUMBER_SIZE, "–");
    } else if (value >= 99.95) {
        markup_count((uint64_t)llround(value), text);
    } else {
        const int decimals = value >= 9.995 ? 1 : value >= 0.9995 ? 2 : value > 0 ? 3 : 0;
        snprintf(text, MARKUP_NUMBER_SIZE, "%.*f", decimals, value);
    }
}
