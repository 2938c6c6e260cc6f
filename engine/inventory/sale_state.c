#include "inventory/sale_state.h"

#include "common/assert.h"
#include "inventory/text_cursor.h"

#include <string.h>

/* Lua counts exactly up to here (PROTOCOL §2). */
#define LUA_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

struct answer_row {
    const char *word;
    enum err err;
};
static const struct answer_row ANSWERS[SALE_ANSWER_COUNT] = {
#define X(name, text, error) [SALE_ANSWER_##name] = {text, ERR_##error},
    SALE_ANSWERS(X)
#undef X
};

const char *sale_answer_name(enum sale_answer answer)
{
    ASSERT(answer < SALE_ANSWER_COUNT);
    return ANSWERS[answer].word;
}

enum err sale_answer_err(enum sale_answer answer)
{
    ASSERT(answer < SALE_ANSWER_COUNT);
    return ANSWERS[answer].err;
}

enum err sale_answer_parse(const char *text, size_t size, enum sale_answer *ret_answer)
{
    for (enum sale_answer answer = 0; answer < SALE_ANSWER_COUNT; answer++) {
        if (strlen(ANSWERS[answer].word) == size && memcmp(ANSWERS[answer].word, text, size) == 0) {
            *ret_answer = answer;
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

enum err sale_head_parse(const char *text, size_t size, struct sale_head *ret_head)
{
    struct text_cursor cursor = text_cursor(text, size);
    uint64_t time_ms, epoch, version, seq, first;
    struct sale_head head;
    const char *state;
    size_t state_size;

    if (!text_take_number(&cursor, LUA_NUMBER_MAX, &time_ms) || !text_take_char(&cursor, ' ')
        || !text_take_number(&cursor, EPOCH_MAX, &epoch) || !text_take_char(&cursor, ' ')
        || !text_take_number(&cursor, LUA_NUMBER_MAX, &version) || !text_take_char(&cursor, ' ')) {
        return ERR_PARSE;
    }
    state = text_take_until(&cursor, ' ', &state_size);
    if (sale_state_parse(state, state_size, &head.state) != ERR_OK || !text_take_char(&cursor, ' ')
        || !text_take_number(&cursor, SEQ_MAX, &seq) || !text_take_char(&cursor, ' ')
        || !text_take_number(&cursor, SEQ_MAX, &first) || !text_is_end(&cursor)) {
        return ERR_PARSE;
    }
    if (time_ms == 0 || epoch == 0 || first > seq) {
        return ERR_PARSE;
    }
    head.redis_time_ms = (int64_t)time_ms;
    head.epoch = (uint32_t)epoch;
    head.version = version;
    head.seq = (uint32_t)seq;
    head.outbox_first = (uint32_t)first;
    *ret_head = head;
    return ERR_OK;
}

enum err sale_stock_parse(const char *text, size_t size, struct sale_left *ret_left,
                          uint32_t *ret_count)
{
    struct text_cursor cursor = text_cursor(text, size);
    uint32_t count = 0;

    while (!text_is_end(&cursor)) {
        const char *sku;
        size_t sku_size;
        uint64_t left;

        if (count == SALE_SKUS_MAX || (count > 0 && !text_take_char(&cursor, ' '))) {
            return ERR_PARSE;
        }
        sku = text_take_until(&cursor, '=', &sku_size);
        if (sku_parse(sku, sku_size, &ret_left[count].sku) != ERR_OK
            || !text_take_char(&cursor, '=') || !text_take_number(&cursor, UINT32_MAX, &left)) {
            return ERR_PARSE;
        }
        ret_left[count].left = (uint32_t)left;
        count++;
    }
    *ret_count = count;
    return ERR_OK;
}
