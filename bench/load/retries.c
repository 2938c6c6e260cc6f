#include "retries.h"

#include <stdlib.h>
#include <string.h>

struct retry *retry_create(const struct attempt *attempt, int64_t due_ns, const char *request,
                           size_t size)
{
    struct retry *retry = malloc(sizeof *retry + size);

    if (retry) {
        *retry = (struct retry){.attempt = *attempt, .due_ns = due_ns, .size = size};
        memcpy(retry->request, request, size);
    }
    return retry;
}

void retries_push(struct retries *retries, struct retry *retry)
{
    retry->next = NULL;
    if (retries->last) {
        retries->last->next = retry;
    } else {
        retries->first = retry;
    }
    retries->last = retry;
}

struct retry *retries_take(struct retries *retries)
{
    struct retry *retry = retries->first;

    retries->first = retry->next;
    if (!retries->first) {
        retries->last = NULL;
    }
    return retry;
}

void retries_finish(struct retries *retries)
{
    while (retries->first) {
        free(retries_take(retries));
    }
}
