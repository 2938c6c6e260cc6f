#include "ledger/sale_control.h"

#include "common/assert.h"
#include "ledger/sql_text.h"

static const char *const control_names[] = {
#define X(name, text) text,
    SALE_CONTROLS(X)
#undef X
};
static const char *const verb_names[] = {
#define X(name, text) text,
    SALE_VERBS(X)
#undef X
};

const char *sale_control_name(enum sale_control control)
{
    ASSERT((unsigned)control < SALE_CONTROL_COUNT);
    return control_names[control];
}

const char *sale_verb_name(enum sale_verb verb)
{
    ASSERT((unsigned)verb < SALE_VERB_COUNT);
    return verb_names[verb];
}

enum err sale_verb_parse(const char *text, size_t size, enum sale_verb *ret_verb)
{
    const struct sql_value value = sql_bytes(text, size);
    int verb = sql_column_name(&value, verb_names, SALE_VERB_COUNT);

    if (verb < 0) {
        return ERR_PARSE;
    }
    *ret_verb = (enum sale_verb)verb;
    return ERR_OK;
}

/* From (row) by verb (column) to; -1: not from here. `open` is the loader's and changes nothing
 * here. */
static const signed char moves[SALE_CONTROL_COUNT][SALE_VERB_COUNT] = {
    [SALE_CONTROL_OPEN] =
        {
            [SALE_VERB_PAUSE] = SALE_CONTROL_PAUSED,
            [SALE_VERB_RESUME] = SALE_CONTROL_OPEN,
            [SALE_VERB_END] = SALE_CONTROL_ENDED,
            [SALE_VERB_FREEZE] = SALE_CONTROL_FROZEN,
            [SALE_VERB_UNFREEZE] = -1,
            [SALE_VERB_OPEN] = SALE_CONTROL_OPEN,
        },
    [SALE_CONTROL_PAUSED] =
        {
            [SALE_VERB_PAUSE] = SALE_CONTROL_PAUSED,
            [SALE_VERB_RESUME] = SALE_CONTROL_OPEN,
            [SALE_VERB_END] = SALE_CONTROL_ENDED,
            [SALE_VERB_FREEZE] = SALE_CONTROL_FROZEN,
            [SALE_VERB_UNFREEZE] = SALE_CONTROL_PAUSED,
            [SALE_VERB_OPEN] = -1,
        },
    [SALE_CONTROL_FROZEN] =
        {
            [SALE_VERB_PAUSE] = -1,
            [SALE_VERB_RESUME] = -1,
            [SALE_VERB_END] = SALE_CONTROL_ENDED,
            [SALE_VERB_FREEZE] = SALE_CONTROL_FROZEN,
            [SALE_VERB_UNFREEZE] = SALE_CONTROL_PAUSED,
            [SALE_VERB_OPEN] = -1,
        },
    [SALE_CONTROL_ENDED] =
        {
            [SALE_VERB_PAUSE] = -1,
            [SALE_VERB_RESUME] = -1,
            [SALE_VERB_END] = SALE_CONTROL_ENDED,
            [SALE_VERB_FREEZE] = -1,
            [SALE_VERB_UNFREEZE] = -1,
            [SALE_VERB_OPEN] = -1,
        },
};

enum err sale_control_next(enum sale_control now, enum sale_verb verb, enum sale_control *ret_next)
{
    signed char next = 0;

    ASSERT((unsigned)now < SALE_CONTROL_COUNT && (unsigned)verb < SALE_VERB_COUNT);
    next = moves[now][verb];
    if (next < 0) {
        return ERR_CONFLICT;
    }
    *ret_next = (enum sale_control)next;
    return ERR_OK;
}

enum err sale_control_read(const struct sql_value *column, enum sale_control *ret_control)
{
    int control = sql_column_name(column, control_names, SALE_CONTROL_COUNT);

    if (control < 0) {
        return ERR_PARSE;
    }
    *ret_control = (enum sale_control)control;
    return ERR_OK;
}
