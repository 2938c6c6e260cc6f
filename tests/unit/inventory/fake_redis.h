/* fake_redis: a server that greets as a good one does, and then says what the test wants.
 * Why:    replies that a real Redis never gives: of another request, malformed, cut off.
 * Never:  answers more than it was given: then it closes the connection.
 * Thread: the test's; it answers on one of its own. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { FAKE_REDIS_REPLIES_MAX = 16, FAKE_REDIS_ASKED_MAX = 64 };

struct fake_redis {
    /* To each command but ROLE, INFO, TIME and SCRIPT LOAD the next of these (borrowed), NULL: the
     * end. In them @ stands for the request id of the last EVALSHA or EVAL,
     * ~ for an @. */
    const char *replies[FAKE_REDIS_REPLIES_MAX];
    bool is_silent; /* those commands are read, and never answered */
    uint16_t port;
    int listener;
    pthread_t thread;
    char asked[FAKE_REDIS_ASKED_MAX][16]; /* those commands, read after fake_redis_finish() */
    uint32_t asked_count;
};
/* With `replies` set. Serves one connection. */
void fake_redis_start(struct fake_redis *fake);
void fake_redis_finish(struct fake_redis *fake); /* the client has closed, or never came */
