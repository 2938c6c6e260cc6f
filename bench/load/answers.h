/* answers: the kinds of answer that a request can get, from the engine's own tables.
 * Why:    outcomes are counted by the words of domain/outcome.def and http/problem.def.
 * Never:  calls an answer by a kind that it does not name itself.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct response;

enum answer {
#define OUTCOME(name, code, http, retry, text) ANSWER_##name,
#include "domain/outcome.def"
#undef OUTCOME
#define PROBLEM(name, code, status, retry, title, detail) ANSWER_PROBLEM_##name,
#include "http/problem.def"
#undef PROBLEM
    ANSWER_OK,         /* another 2xx */
    ANSWER_UNEXPECTED, /* well-formed, and none of these */
    ANSWER_MALFORMED,  /* no HTTP that we can read */
    ANSWER_TIMEOUT,    /* none came in time */
    ANSWER_LOST,       /* the connection ended first */
    ANSWER_COUNT
};
enum { ANSWER_OUTCOME_COUNT = ANSWER_OUTCOME_UNKNOWN + 1 };

const char *answer_code(enum answer answer); /* "sold-out"; static */
enum answer answer_of(const struct response *response);
/* The buyer holds the order that the answer names. */
bool answer_is_win(enum answer answer);
/* Something is wrong with client, server or connection: not a way for a purchase to end. */
bool answer_is_error(enum answer answer);
