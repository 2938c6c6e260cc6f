#include "domain/outcome.h"

#include "common/assert.h"

static const struct {
    const char *code;
    const char *text;
    int http_status;
    bool may_retry;
} outcomes[OUTCOME_COUNT] = {
#define OUTCOME(name, code, http, retry, text) [OUTCOME_##name] = {code, text, http, retry},
#include "domain/outcome.def"
#undef OUTCOME
};

const char *outcome_code(enum outcome outcome)
{
    ASSERT((unsigned)outcome < OUTCOME_COUNT);
    return outcomes[outcome].code;
}

const char *outcome_text(enum outcome outcome)
{
    ASSERT((unsigned)outcome < OUTCOME_COUNT);
    return outcomes[outcome].text;
}

int outcome_http_status(enum outcome outcome)
{
    ASSERT((unsigned)outcome < OUTCOME_COUNT);
    return outcomes[outcome].http_status;
}

bool outcome_may_retry(enum outcome outcome)
{
    ASSERT((unsigned)outcome < OUTCOME_COUNT);
    return outcomes[outcome].may_retry;
}
