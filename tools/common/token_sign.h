/* token_sign: makes buyer tokens (JWT, HS256) for trying things out and for load.
 * Why:    seckillctl and the load generator sign alike; the engine itself never signs.
 * Never:  part of the engine.
 * Thread: any; one signer belongs to one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { TOKEN_SIGN_SIZE_MAX = 1536 };

struct token_signer;

struct token_signer_options {
    const char *kid, *issuer, *audience; /* copied; written as JSON strings */
    const void *secret;                  /* copied; 32 bytes or more */
    size_t secret_size;
};
/* NULL: no memory, the secret is too short, or the texts are too long (together 512 bytes). */
struct token_signer *token_signer_create(const struct token_signer_options *options);
void token_signer_destroy(struct token_signer *signer); /* NULL is fine */

/* Writes a NUL-terminated token for `buyer` (any text, up to 64 bytes); times in seconds since the
 * Unix epoch. Returns its length, 0: the buyer is too long, or signing failed. */
size_t token_sign(struct token_signer *signer, const char *buyer, int64_t issued_s,
                  int64_t expires_s, char token[static TOKEN_SIGN_SIZE_MAX]);
