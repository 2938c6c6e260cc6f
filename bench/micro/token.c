/* token: what does a token cost? Prints microseconds of CPU per verified and per signed token.
 * Why:    identity runs for every request; its budget is 3 us.
 * Never:  part of the engine.
 * Thread: main. */
#include "admission/identity.h"
#include "common/assert.h"
#include "common/clock.h"
#include "tools/common/token_sign.h"

#include <stdio.h>
#include <string.h>

enum { TOKENS = 1000, ROUNDS = 200 };

static char tokens[TOKENS][TOKEN_SIGN_SIZE_MAX];

int main(void)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef";
    const struct identity_key key = {"default", IDENTITY_ALGORITHM_HS256, secret, 32};
    const struct identity_options options = {
        .keys = &key, .key_count = 1, .issuer = "seckill", .audience = "seckill", .leeway_s = 60};
    const struct token_signer_options signing = {"default", "seckill", "seckill", secret, 32};
    struct token_signer *signer = token_signer_create(&signing);
    struct identity *identity = NULL;
    char error[IDENTITY_ERROR_SIZE], name[32];
    int64_t now_ms = clock_wall_ms(), begin_us;
    struct buyer buyer;

    ASSERT(signer && identity_create(&options, error, &identity) == ERR_OK);
    begin_us = clock_process_cpu_us();
    for (int i = 0; i < TOKENS; i++) {
        (void)snprintf(name, sizeof name, "buyer-%08d", i);
        ASSERT(token_sign(signer, name, now_ms / 1000, now_ms / 1000 + 3600, tokens[i]) > 0);
    }
    printf("sign    %.2f us\n", (double)(clock_process_cpu_us() - begin_us) / TOKENS);
    begin_us = clock_process_cpu_us();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < TOKENS; i++) {
            ASSERT(identity_verify(identity, tokens[i], strlen(tokens[i]), now_ms, &buyer)
                   == IDENTITY_OK);
        }
    }
    printf("verify  %.2f us\n",
           (double)(clock_process_cpu_us() - begin_us) / ((double)TOKENS * ROUNDS));
    identity_destroy(identity);
    token_signer_destroy(signer);
    return 0;
}
