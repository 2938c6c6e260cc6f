#include "domain/ids.h"

#include "common/assert.h"
#include "common/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EPOCH_BITS = 14, SEQ_BITS = 26, DECIMAL_DIGITS_MAX = 20 };

static_assert((1 << EPOCH_BITS) - 1 == EPOCH_MAX, "epoch field");
static_assert((1 << SEQ_BITS) - 1 == SEQ_MAX, "seq field");
static_assert((1 << (63 - EPOCH_BITS - SEQ_BITS)) - 1 == SALE_ID_MAX, "sale field");

/* Decimal, no sign, no leading zero, 1 to `max`. */
static enum err parse_decimal(const char *text, size_t size, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (size == 0 || text[0] == '0') {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return ERR_PARSE;
        }
    }
    for (size_t i = 0; i < size; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');

        if (value > (max - digit) / 10) {
            return ERR_RANGE;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return ERR_OK;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f;
}

static bool is_lower_hex(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f')) {
            return false;
        }
    }
    return true;
}

static bool all_zero(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '0') {
            return false;
        }
    }
    return true;
}

enum err sale_id_parse(const char *text, size_t size, struct sale_id *ret_id)
{
    uint64_t value;
    enum err err = parse_decimal(text, size, SALE_ID_MAX, &value);

    if (err == ERR_OK) {
        ret_id->value = (uint32_t)value;
    }
    return err;
}

enum err sku_parse(const char *text, size_t size, struct sku *ret_sku)
{
    if (size < 1 || size > SKU_SIZE_MAX) {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_alphanumeric(text[i]) && text[i] != '.' && text[i] != '_' && text[i] != '-') {
            return ERR_PARSE;
        }
    }
    *ret_sku = (struct sku){.size = (uint8_t)size};
    memcpy(ret_sku->text, text, size);
    return ERR_OK;
}

enum err buyer_parse(const char *text, size_t size, struct buyer *ret_buyer)
{
    if (size < 1 || size > BUYER_SIZE_MAX) {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_visible(text[i])) {
            return ERR_PARSE;
        }
    }
    *ret_buyer = (struct buyer){.size = (uint8_t)size};
    memcpy(ret_buyer->text, text, size);
    return ERR_OK;
}

/* The content of a structured-field string into `key`, escapes undone; its size, 0: malformed. */
static size_t unquote(const char *text, size_t size, char key[static IDEMPOTENCY_KEY_SIZE_MAX])
{
    size_t used = 0;

    if (size < 2 || text[size - 1] != '"') {
        return 0;
    }
    for (size_t i = 1; i < size - 1; i++) {
        char c = text[i];

        if (c == '\\') {
            i++;
            if (i == size - 1 || (text[i] != '"' && text[i] != '\\')) {
                return 0;
            }
            c = text[i];
        } else if (c == '"') {
            return 0;
        }
        if (used == IDEMPOTENCY_KEY_SIZE_MAX) {
            return 0;
        }
        key[used++] = c;
    }
    return used;
}

enum err idempotency_key_parse(const char *text, size_t size, struct key_hash *ret_hash)
{
    char key[IDEMPOTENCY_KEY_SIZE_MAX];
    size_t key_size;

    if (size > 0 && text[0] == '"') {
        key_size = unquote(text, size, key);
    } else {
        key_size = size <= sizeof key ? size : 0;
        if (key_size > 0) {
            memcpy(key, text, key_size);
        }
    }
    if (key_size < IDEMPOTENCY_KEY_SIZE_MIN) {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < key_size; i++) {
        if (!is_visible(key[i])) {
            return ERR_PARSE;
        }
    }
    hash128_hex(key, key_size, ret_hash->hex);
    /* Where keys stand in columns zeros mean none; a key can be made up whose hash they are. */
    if (strspn(ret_hash->hex, "0") == KEY_HASH_SIZE) {
        ret_hash->hex[KEY_HASH_SIZE - 1] = '1';
    }
    return ERR_OK;
}

enum err key_hash_parse(const char *text, size_t size, struct key_hash *ret_hash)
{
    if ((size != 0 && size != KEY_HASH_SIZE) || !is_lower_hex(text, size)) {
        return ERR_PARSE;
    }
    *ret_hash = (struct key_hash){0};
    if (size > 0) {
        memcpy(ret_hash->hex, text, size);
    }
    return ERR_OK;
}

/* 00-<32 hex>-<16 hex>-<2 hex> */
enum err traceparent_parse(const char *text, size_t size, struct traceparent *ret_trace)
{
    if (size != TRACEPARENT_SIZE || memcmp(text, "00-", 3) != 0 || text[35] != '-'
        || text[52] != '-') {
        return ERR_PARSE;
    }
    if (!is_lower_hex(text + 3, 32) || !is_lower_hex(text + 36, 16) || !is_lower_hex(text + 53, 2)
        || all_zero(text + 3, 32) || all_zero(text + 36, 16)) {
        return ERR_PARSE;
    }
    memcpy(ret_trace->text, text, size);
    ret_trace->text[size] = '\0';
    return ERR_OK;
}

bool sku_equal(const struct sku *a, const struct sku *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

bool buyer_equal(const struct buyer *a, const struct buyer *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

enum err order_no_make(struct sale_id sale, uint32_t epoch, uint32_t seq,
                       struct order_no *ret_order_no)
{
    if (sale.value < 1 || sale.value > SALE_ID_MAX || epoch < 1 || epoch > EPOCH_MAX || seq < 1
        || seq > SEQ_MAX) {
        return ERR_RANGE;
    }
    ret_order_no->value =
        (uint64_t)sale.value << (EPOCH_BITS + SEQ_BITS) | (uint64_t)epoch << SEQ_BITS | seq;
    return ERR_OK;
}

struct sale_id order_no_sale(struct order_no order_no)
{
    return (struct sale_id){(uint32_t)(order_no.value >> (EPOCH_BITS + SEQ_BITS))};
}

uint32_t order_no_epoch(struct order_no order_no)
{
    return (uint32_t)(order_no.value >> SEQ_BITS) & EPOCH_MAX;
}

uint32_t order_no_seq(struct order_no order_no)
{
    return (uint32_t)order_no.value & SEQ_MAX;
}

bool order_no_is_whole(struct order_no order_no)
{
    struct order_no again;

    return order_no_make(order_no_sale(order_no), order_no_epoch(order_no), order_no_seq(order_no),
                         &again)
           == ERR_OK;
}

char *order_no_format(struct order_no order_no, char text[static ORDER_NO_TEXT_SIZE])
{
    char digits[ORDER_NO_TEXT_SIZE];
    char *first = &digits[sizeof digits - 1];
    uint64_t rest = order_no.value;

    /* Not snprintf(): it was half of an answer's instructions. */
    *first = '\0';
    do {
        *--first = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    memcpy(text, first, (size_t)(digits + sizeof digits - first));
    return text;
}

enum err order_no_parse(const char *text, size_t size, struct order_no *ret_order_no)
{
    struct order_no order_no;
    enum err err = parse_decimal(text, size, INT64_MAX, &order_no.value);

    if (err != ERR_OK) {
        return err;
    }
    return order_no_make(order_no_sale(order_no), order_no_epoch(order_no), order_no_seq(order_no),
                         ret_order_no);
}

enum err order_ref_parse(struct sale_id sale, const char *text, size_t size,
                         struct order_no *ret_order_no)
{
    const char *dash = size > 0 ? memchr(text, '-', size) : NULL;
    uint64_t epoch, seq;
    size_t epoch_size;
    enum err err;

    if (!dash) {
        return ERR_PARSE;
    }
    epoch_size = (size_t)(dash - text);
    err = parse_decimal(text, epoch_size, EPOCH_MAX, &epoch);
    if (err == ERR_OK) {
        err = parse_decimal(dash + 1, size - epoch_size - 1, SEQ_MAX, &seq);
    }
    if (err != ERR_OK) {
        return err;
    }
    return order_no_make(sale, (uint32_t)epoch, (uint32_t)seq, ret_order_no);
}

char *order_ref_format(struct order_no order_no, char text[static ORDER_NO_TEXT_SIZE])
{
    (void)snprintf(text, ORDER_NO_TEXT_SIZE, "%" PRIu32 "-%" PRIu32, order_no_epoch(order_no),
                   order_no_seq(order_no));
    return text;
}
