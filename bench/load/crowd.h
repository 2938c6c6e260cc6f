/* crowd: the buyers' names, keys and signed tokens.
 * Why:    signing costs as much as sending: it is done before the start, by several threads.
 * Never:  prints a token.
 * Thread: any after crowd_create(): it never changes.  Owner: the caller of crowd_create(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crowd;

enum { CROWD_PREFIX_MAX = 40, CROWD_NAME_SIZE = 64 };

struct crowd_options {
    uint32_t buyers;
    uint32_t threads;   /* that sign */
    const char *prefix; /* of names and keys, 1 to CROWD_PREFIX_MAX of A-Z a-z 0-9 . _ - */
    const char *kid, *issuer, *audience;
    const void *secret;
    size_t secret_size;
    int64_t issued_s, expires_s;
};

struct crowd *crowd_create(
    const struct crowd_options *options); /* NULL: no memory, or a bad option */
void crowd_destroy(struct crowd *crowd);  /* NULL is fine */
/* "prefix00000042" */
void crowd_name(const struct crowd *crowd, uint32_t buyer, char name[static CROWD_NAME_SIZE]);
/* The buyer's Idempotency-Key, the same in each run with this prefix. */
void crowd_key(const struct crowd *crowd, uint32_t buyer, char key[static CROWD_NAME_SIZE]);
/* Not terminated; all tokens have one size. */
const char *crowd_token(const struct crowd *crowd, uint32_t buyer, size_t *ret_size);
