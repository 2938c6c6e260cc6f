/* redis_server: a private redis-server of one test: killed, stopped and started again at will.
 * Why:    faults of Redis are tested on the real thing.
 * Never:  touches a server that it did not start; outlives the test process; waits without a
 *         deadline.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { REDIS_SERVER_DEADLINE_MS = 30000 };

struct redis_server {
    char directory[256];
    uint16_t port;
    pid_t pid;         /* 0: it does not run */
    const char *extra; /* borrowed: one more option and its value, "name value", or NULL */
};
/* Starts it on a free port with its data in a new directory, appendonly on; waits until it answers.
 * Any failure ends the test. */
void redis_server_start(struct redis_server *server, const char *extra);
void redis_server_finish(struct redis_server *server); /* kills it, removes its directory */

void redis_server_kill(struct redis_server *server);  /* SIGKILL, waited for */
void redis_server_again(struct redis_server *server); /* on the same port and data */
void redis_server_stop(struct redis_server *server);  /* SIGSTOP, waited for */
void redis_server_continue(struct redis_server *server);
/* One command, words separated by spaces (inside single quotes a space is kept); the reply as
 * redis-cli would print it, at most `size` bytes, first line only for a bulk. */
void redis_server_ask(const struct redis_server *server, const char *command, char *answer,
                      uint32_t size);
