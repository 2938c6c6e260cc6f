/* response: one HTTP answer, read from bytes.
 * Why:    the generator needs status, problem code and order number of a well-formed answer, fast.
 * Never:  guesses: an answer that is not in order is malformed, and counted so.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESPONSE_SIZE_MAX = 1 << 20 };

struct response {
    int status;
    bool closes;      /* Connection: close */
    bool replayed;    /* Idempotent-Replayed: true */
    const char *body; /* into the bytes that were read */
    size_t body_size;
};

/* Bytes the answer takes; 0: more are needed; -1: malformed, or longer than RESPONSE_SIZE_MAX. */
long response_read(const char *data, size_t size, struct response *ret_response);
/* The text of a member `"name":"…"` of a flat JSON body, not unescaped; false: there is none. */
bool response_member(const struct response *response, const char *name, const char **ret_text,
                     size_t *ret_size);
/* The value of a member `"name":123`; false: there is none. */
bool response_number(const struct response *response, const char *name, uint64_t *ret_value);
/* The order number of a purchase's answer; 0: there is none. */
uint64_t response_order_no(const struct response *response);
