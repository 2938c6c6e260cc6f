/* retries: requests whose connection was given up, to be sent once more.
 * Why:    a buyer who heard nothing asks again, with the same bytes.
 * Never:  sends; forgets one.
 * Thread: its shooter's.  Owner: the caller of retries_init(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

struct retry {
    struct retry *next;
    struct attempt attempt;
    int64_t due_ns; /* of the first sending */
    size_t size;
    char request[];
};
/* In the order of giving up; zeroes are an empty one. */
struct retries {
    struct retry *first, *last; /* owned */
};

/* Copies the request; owned by the caller (free). NULL: no memory. */
struct retry *retry_create(const struct attempt *attempt, int64_t due_ns, const char *request,
                           size_t size);
/* Takes it, as the last. */
void retries_push(struct retries *retries, struct retry *retry);
/* Gives the first to the caller; there is one. */
struct retry *retries_take(struct retries *retries);
void retries_finish(struct retries *retries);
