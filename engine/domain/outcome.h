/* outcome: how a purchase ended, as its buyer is told (PROTOCOL §7).
 * Why:    enum, status, problem type, metrics label and documents come from one table.
 * Never:  an infrastructure failure by itself (common/err.h).
 * Thread: any. */
#pragma once

#include <stdbool.h>

enum outcome {
#define OUTCOME(name, code, http, retry, text) OUTCOME_##name,
#include "domain/outcome.def"
#undef OUTCOME
    OUTCOME_COUNT
};

const char *outcome_code(enum outcome outcome); /* "sold-out"; static */
const char *outcome_text(enum outcome outcome); /* the sentence; static */
int outcome_http_status(enum outcome outcome);
bool outcome_may_retry(enum outcome outcome);
