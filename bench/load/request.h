/* request: the bytes of one attempt.
 * Why:    what does not change is made once; an attempt is a few copies.
 * Never:  sends.
 * Thread: any after request_maker_init(): it never changes. */
#pragma once

#include <stddef.h>

#include "crowd.h"
#include "options.h"
#include "plan.h"

enum {
    REQUEST_SIZE_MAX = 4096,
    REQUEST_HEAD_MAX = 640,
    REQUEST_BODY_MAX = 96,
    REQUEST_UNKNOWN_SALE_MIN = 8000000,
};

struct request_maker {
    const struct crowd *crowd; /* borrowed; NULL: no tokens */
    bool has_body;
    uint32_t sale;
    char heads[OPTIONS_TARGETS_MAX][REQUEST_HEAD_MAX]; /* up to the token */
    size_t head_sizes[OPTIONS_TARGETS_MAX];
    char bodies[OPTIONS_SKUS_MAX]
               [REQUEST_BODY_MAX]; /* with Content-Length and the end of the head */
    size_t body_sizes[OPTIONS_SKUS_MAX];
};

/* False: a request would be too long. Options and crowd are borrowed. */
bool request_maker_init(struct request_maker *maker, const struct options *options,
                        const struct crowd *crowd);
/* A token as it stands in a request, not terminated. */
struct token {
    const char *text;
    size_t size;
};
/* Writes the request for `target`, with the token of its buyer; returns its size. A broken
 * signature and a sale that is not there are made here. */
size_t request_make(const struct request_maker *maker, uint32_t target,
                    const struct attempt *attempt, struct token token,
                    char request[static REQUEST_SIZE_MAX]);
