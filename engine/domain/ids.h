/* ids: names of things, each with its own type and its own bounds.
 * Why:    a buyer passed for a sku must not compile.
 * Never:  invents an id: order numbers are sale, epoch and seq (PROTOCOL §2).
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
    SALE_ID_MAX = 8388607, /* 23 bits */
    EPOCH_MAX = 16383,     /* 14 bits */
    SEQ_MAX = 67108863,    /* 26 bits */
    SKU_SIZE_MAX = 32,
    BUYER_SIZE_MAX = 64,
    IDEMPOTENCY_KEY_SIZE_MIN = 16,
    IDEMPOTENCY_KEY_SIZE_MAX = 64,
    QUANTITY_MAX = 1000,
    SALE_SKUS_MAX = 64,
    ORDER_NO_TEXT_SIZE = 21,
    KEY_HASH_SIZE = 32,
    TRACEPARENT_SIZE = 55,
    CURRENCY_SIZE = 3,
};

struct sale_id {
    uint32_t value; /* 1 to SALE_ID_MAX; 0: none */
};
struct order_no {
    uint64_t value; /* sale · epoch · seq; 0: none */
};
struct sku {
    uint8_t size;
    char text[SKU_SIZE_MAX + 1]; /* NUL-terminated */
};
struct buyer {
    uint8_t size;
    char text[BUYER_SIZE_MAX + 1]; /* NUL-terminated */
};
struct key_hash {
    char hex[KEY_HASH_SIZE + 1]; /* "" when the buyer gave no key */
};
struct traceparent {
    char text[TRACEPARENT_SIZE + 1]; /* "" when there is none */
};

/* Decimal, no sign, no leading zero, 1 to SALE_ID_MAX. ERR_PARSE, ERR_RANGE. */
MUST_CHECK enum err sale_id_parse(const char *text, size_t size, struct sale_id *ret_id);
/* [A-Za-z0-9._-]{1,32}. ERR_PARSE. */
MUST_CHECK enum err sku_parse(const char *text, size_t size, struct sku *ret_sku);
/* 1 to 64 visible ASCII. ERR_PARSE. */
MUST_CHECK enum err buyer_parse(const char *text, size_t size, struct buyer *ret_buyer);
/* The header's value: a quoted structured-field string or a bare token, 16 to 64 visible ASCII
 * inside. ERR_PARSE. */
MUST_CHECK enum err idempotency_key_parse(const char *text, size_t size, struct key_hash *ret_hash);
/* 32 lower hex or empty. ERR_PARSE. */
MUST_CHECK enum err key_hash_parse(const char *text, size_t size, struct key_hash *ret_hash);
/* W3C version 00, lower hex, no all-zero ids. ERR_PARSE. */
MUST_CHECK enum err traceparent_parse(const char *text, size_t size, struct traceparent *ret_trace);
bool sku_equal(const struct sku *a, const struct sku *b);
bool buyer_equal(const struct buyer *a, const struct buyer *b);

/* ERR_RANGE when a field does not fit (the engine refuses and alarms, PROTOCOL §2). epoch and seq
 * from 1. */
MUST_CHECK enum err order_no_make(struct sale_id sale, uint32_t epoch, uint32_t seq,
                                  struct order_no *ret_order_no);
struct sale_id order_no_sale(struct order_no order_no);
uint32_t order_no_epoch(struct order_no order_no);
uint32_t order_no_seq(struct order_no order_no);
/* All three fields are within their bounds: false for what was read somewhere and is no number. */
bool order_no_is_whole(struct order_no order_no);
/* Decimal text; returns `text`. */
char *order_no_format(struct order_no order_no, char text[static ORDER_NO_TEXT_SIZE]);
/* Decimal, no leading zero, all three fields at least 1. ERR_PARSE, ERR_RANGE. */
MUST_CHECK enum err order_no_parse(const char *text, size_t size, struct order_no *ret_order_no);
/* The short form inside a sale's keys: "<epoch>-<seq>" (schemas/redis.md). ERR_PARSE, ERR_RANGE. */
MUST_CHECK enum err order_ref_parse(struct sale_id sale, const char *text, size_t size,
                                    struct order_no *ret_order_no);
char *order_ref_format(struct order_no order_no, char text[static ORDER_NO_TEXT_SIZE]);
