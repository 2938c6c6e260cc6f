/* admin_client: one request to the admin API, answered as JSON.
 * Why:    seckillctl and the load generator use nothing but the admin API (PROTOCOL §7).
 * Never:  prints the token; retries.
 * Thread: the only one. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct client {
    const char *url;     /* borrowed */
    const char *token;   /* borrowed; "": the request has none */
    const char *program; /* borrowed; begins each line on stderr; NULL: nothing is printed */
    bool json;           /* seckillctl: print answers as they are */
    long timeout_s;      /* of one call; 0: two minutes */
};

/* Answer of the API, owned by the caller (json_decref). NULL: it failed, and why was printed to
 * stderr: one line, the problem's title and detail, or what the connection said. `body` may be
 * NULL. */
json_t *client_call(const struct client *client, const char *method, const char *path,
                    const json_t *body);
/* A query value, percent-encoded, owned by the caller (free). Aborts without memory. */
char *client_escape(const char *text);
