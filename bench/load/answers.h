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

/* What an answer means to a buyer: a report never adds two of these up as "orders". */
enum answer_class {
    ANSWER_CLASS_ACCEPTED, /* an order of this very purchase: the only one that is a sale */
    ANSWER_CLASS_REPLAYED, /* the order that the same key won before */
    ANSWER_CLASS_SOLD_OUT,
    ANSWER_CLASS_REFUSED, /* by another rule: limit, window, list, key, token bucket, overload */
    ANSWER_CLASS_UNKNOWN, /* the server says that it cannot know yet */
    ANSWER_CLASS_OTHER,   /* another 2xx: no purchase */
    ANSWER_CLASS_ERROR,   /* answer_is_error() */
    ANSWER_CLASS_COUNT
};

const char *answer_code(enum answer answer); /* "sold-out"; static */
enum answer_class answer_class(enum answer answer);
const char *answer_class_name(enum answer_class class); /* "sold-out"; static */
enum answer answer_of(const struct response *response);
/* The buyer holds the order that the answer names. */
bool answer_is_win(enum answer answer);
/* Something is wrong with client, server or connection: not a way for a purchase to end. */
bool answer_is_error(enum answer answer);
