/* crowd: the buyers' names, keys and signed tokens.
 * Why:    signing costs as much as sending: it is done before the start, by several threads, or
 *         on the way (token_ring.h).
 * Never:  prints a token.
 * Thread: any after crowd_create(): it never changes.  Owner: the caller of crowd_create(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crowd;
struct token_signer;

enum { CROWD_PREFIX_MAX = 40, CROWD_NAME_SIZE = 64 };

struct crowd_options {
    uint32_t buyers;
    uint32_t threads;   /* that sign ahead; 0: tokens are not kept, crowd_token() is not for it */
    const char *prefix; /* of names and keys, 1 to CROWD_PREFIX_MAX of A-Z a-z 0-9 . _ - */
    const char *kid, *issuer, *audience;
    const void *secret;
    size_t secret_size;
    int64_t issued_s, expires_s;
};

/* The texts and the secret are borrowed. NULL: no memory, or a bad option. */
struct crowd *crowd_create(const struct crowd_options *options);
void crowd_destroy(struct crowd *crowd); /* NULL is fine */
/* "prefix00000042" */
void crowd_name(const struct crowd *crowd, uint32_t buyer, char name[static CROWD_NAME_SIZE]);
/* The buyer's Idempotency-Key, the same in each run with this prefix. */
void crowd_key(const struct crowd *crowd, uint32_t buyer, char key[static CROWD_NAME_SIZE]);
/* Not terminated; all tokens have one size. */
const char *crowd_token(const struct crowd *crowd, uint32_t buyer, size_t *ret_size);
size_t crowd_token_size(const struct crowd *crowd);
/* A signer for one thread, owned by the caller (token_signer_destroy). NULL: no memory. */
struct token_signer *crowd_signer(const struct crowd *crowd);
/* Writes crowd_token_size() bytes; false: the signer failed. */
bool crowd_sign(const struct crowd *crowd, struct token_signer *signer, uint32_t buyer,
                char *token);
