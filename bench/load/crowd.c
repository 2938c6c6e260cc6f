#include "crowd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/token_sign.h"

enum { THREADS_MAX = 64 };

struct crowd {
    struct crowd_options options;
    char prefix[CROWD_PREFIX_MAX + 1];
    size_t token_size;
    char *tokens; /* owned; one behind the other; NULL: not kept */
};

struct slice {
    struct crowd *crowd;
    uint32_t begin, end;
    bool failed;
};

void crowd_name(const struct crowd *crowd, uint32_t buyer, char name[static CROWD_NAME_SIZE])
{
    snprintf(name, CROWD_NAME_SIZE, "%s%08u", crowd->prefix, buyer);
}

void crowd_key(const struct crowd *crowd, uint32_t buyer, char key[static CROWD_NAME_SIZE])
{
    snprintf(key, CROWD_NAME_SIZE, "key-%s-%012u", crowd->prefix, buyer);
}

const char *crowd_token(const struct crowd *crowd, uint32_t buyer, size_t *ret_size)
{
    *ret_size = crowd->token_size;
    return crowd->tokens + buyer * crowd->token_size;
}

size_t crowd_token_size(const struct crowd *crowd)
{
    return crowd->token_size;
}

struct token_signer *crowd_signer(const struct crowd *crowd)
{
    const struct crowd_options *options = &crowd->options;
    const struct token_signer_options signing = {
        .kid = options->kid,
        .issuer = options->issuer,
        .audience = options->audience,
        .secret = options->secret,
        .secret_size = options->secret_size,
    };
    return token_signer_create(&signing);
}

static size_t sign(const struct crowd *crowd, struct token_signer *signer, uint32_t buyer,
                   char token[static TOKEN_SIGN_SIZE_MAX])
{
    const struct crowd_options *options = &crowd->options;
    char name[CROWD_NAME_SIZE];

    crowd_name(crowd, buyer, name);
    return token_sign(signer, name, options->issued_s, options->expires_s, token);
}

/* Names are of one length, so tokens are, too. */
bool crowd_sign(const struct crowd *crowd, struct token_signer *signer, uint32_t buyer, char *token)
{
    char text[TOKEN_SIGN_SIZE_MAX];
    const bool good = sign(crowd, signer, buyer, text) == crowd->token_size;

    memcpy(token, text, good ? crowd->token_size : 0);
    return good;
}

static void *sign_slice(void *arg)
{
    struct slice *slice = arg;
    struct crowd *crowd = slice->crowd;
    struct token_signer *signer = crowd_signer(crowd);

    slice->failed = !signer;
    for (uint32_t i = slice->begin; !slice->failed && i < slice->end; i++) {
        slice->failed = !crowd_sign(crowd, signer, i, crowd->tokens + i * crowd->token_size);
    }
    token_signer_destroy(signer);
    return NULL;
}

static bool sign_all(struct crowd *crowd)
{
    const struct crowd_options *options = &crowd->options;
    const uint32_t threads = options->threads < THREADS_MAX ? options->threads : THREADS_MAX;
    struct slice slices[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    bool started[THREADS_MAX], good = true;

    for (uint32_t i = 0; i < threads; i++) {
        slices[i] = (struct slice){
            .crowd = crowd,
            .begin = (uint32_t)((uint64_t)options->buyers * i / threads),
            .end = (uint32_t)((uint64_t)options->buyers * (i + 1) / threads),
        };
        started[i] = pthread_create(&ids[i], NULL, sign_slice, &slices[i]) == 0;
        if (!started[i]) {
            (void)sign_slice(&slices[i]);
        }
    }
    for (uint32_t i = 0; i < threads; i++) {
        if (started[i]) {
            pthread_join(ids[i], NULL);
        }
        good = good && !slices[i].failed;
    }
    return good;
}

static size_t measure_token(const struct crowd *crowd)
{
    struct token_signer *signer = crowd_signer(crowd);
    char token[TOKEN_SIGN_SIZE_MAX];
    const size_t size = signer ? sign(crowd, signer, 0, token) : 0;

    token_signer_destroy(signer);
    return size;
}

static bool sign_ahead(struct crowd *crowd)
{
    crowd->tokens = malloc(crowd->options.buyers * crowd->token_size);
    return crowd->tokens && sign_all(crowd);
}

struct crowd *crowd_create(const struct crowd_options *options)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);

    if (!crowd || strlen(options->prefix) > CROWD_PREFIX_MAX) {
        free(crowd);
        return NULL;
    }
    crowd->options = *options;
    memcpy(crowd->prefix, options->prefix, strlen(options->prefix) + 1);
    crowd->token_size = measure_token(crowd);
    if (crowd->token_size == 0 || (options->threads > 0 && !sign_ahead(crowd))) {
        crowd_destroy(crowd);
        return NULL;
    }
    return crowd;
}

void crowd_destroy(struct crowd *crowd)
{
    if (crowd) {
        free(crowd->tokens);
        free(crowd);
    }
}
