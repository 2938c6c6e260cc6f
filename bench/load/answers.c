#include "answers.h"

#include <string.h>

#include "response.h"

enum { STATUS_OF_NO_TABLE = 0 };

static const struct {
    const char *code;
    int status;
} table[ANSWER_COUNT] = {
#define OUTCOME(name, code_, http, retry, text) [ANSWER_##name] = {code_, http},
#include "domain/outcome.def"
#undef OUTCOME
#define PROBLEM(name, code_, status_, retry, title, detail)                                        \
    [ANSWER_PROBLEM_##name] = {code_, status_},
#include "http/problem.def"
#undef PROBLEM
    [ANSWER_OK] = {"ok", STATUS_OF_NO_TABLE},
    [ANSWER_UNEXPECTED] = {"unexpected", STATUS_OF_NO_TABLE},
    [ANSWER_MALFORMED] = {"malformed", STATUS_OF_NO_TABLE},
    [ANSWER_TIMEOUT] = {"timeout", STATUS_OF_NO_TABLE},
    [ANSWER_LOST] = {"lost", STATUS_OF_NO_TABLE},
};

const char *answer_code(enum answer answer)
{
    return table[answer].code;
}

enum answer_class answer_class(enum answer answer)
{
    if (answer_is_error(answer)) {
        return ANSWER_CLASS_ERROR;
    }
    return answer == ANSWER_ACCEPTED          ? ANSWER_CLASS_ACCEPTED
           : answer == ANSWER_REPLAYED        ? ANSWER_CLASS_REPLAYED
           : answer == ANSWER_SOLD_OUT        ? ANSWER_CLASS_SOLD_OUT
           : answer == ANSWER_OUTCOME_UNKNOWN ? ANSWER_CLASS_UNKNOWN
           : answer == ANSWER_OK              ? ANSWER_CLASS_OTHER
                                              : ANSWER_CLASS_REFUSED;
}

const char *answer_class_name(enum answer_class class)
{
    static const char *const names[ANSWER_CLASS_COUNT] = {
        "accepted", "replayed", "sold-out", "refused", "unknown", "other", "error"};

    return names[class];
}

enum answer answer_of(const struct response *response)
{
    const char *code;
    size_t size;

    if (response->status == 201) {
        const bool has_order = response_order_no(response) != 0;
        return !has_order           ? ANSWER_UNEXPECTED
               : response->replayed ? ANSWER_REPLAYED
                                    : ANSWER_ACCEPTED;
    }
    if (response->status >= 200 && response->status < 300) {
        return ANSWER_OK;
    }
    if (!response_member(response, "code", &code, &size)) {
        return ANSWER_UNEXPECTED;
    }
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        if (table[i].status == response->status && strlen(table[i].code) == size
            && memcmp(table[i].code, code, size) == 0) {
            return (enum answer)i;
        }
    }
    return ANSWER_UNEXPECTED;
}

bool answer_is_win(enum answer answer)
{
    return answer == ANSWER_ACCEPTED || answer == ANSWER_REPLAYED;
}

bool answer_is_error(enum answer answer)
{
    return answer >= (enum answer)ANSWER_OUTCOME_COUNT && answer != ANSWER_OK;
}
