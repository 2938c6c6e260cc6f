#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "tools/common/token_sign.h"

enum { SECRET_SIZE_MIN = 32, SECRET_SIZE_MAX = 1024, BUYER_SIZE_MAX = 64, TTL_DEFAULT_S = 3600 };

/* The option, else the environment, else the engine's default. */
static const char *setting(const struct arguments *arguments, const char *option,
                           const char *variable, const char *otherwise)
{
    const char *given = option_value(arguments, option);
    const char *value = given ? given : getenv(variable);

    return value && *value ? value : otherwise;
}

static bool read_secret(const char *path, char secret[static SECRET_SIZE_MAX], size_t *ret_size)
{
    FILE *file = path ? fopen(path, "rb") : NULL;

    if (!path) {
        fputs("seckillctl: --secret-file is needed, or SECKILL_JWT_SECRET_FILE\n", stderr);
        return false;
    }
    if (!file) {
        fprintf(stderr, "seckillctl: %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t size = fread(secret, 1, SECRET_SIZE_MAX, file);
    fclose(file);
    size -= size && secret[size - 1] == '\n';
    if (size < SECRET_SIZE_MIN) {
        fprintf(stderr, "seckillctl: the secret in %s has fewer than %d bytes\n", path,
                SECRET_SIZE_MIN);
        return false;
    }
    *ret_size = size;
    return true;
}

static bool read_buyer(const struct arguments *arguments, const char **ret_buyer)
{
    const char *buyer = option_value(arguments, "buyer");
    bool good = buyer && *buyer && strlen(buyer) <= BUYER_SIZE_MAX;

    for (const char *at = buyer; good && *at; at++) {
        good = *at > 0x20 && *at < 0x7f;
    }
    if (!good) {
        fputs("seckillctl: --buyer is needed, 1 to 64 visible ASCII characters\n", stderr);
        return false;
    }
    *ret_buyer = buyer;
    return true;
}

static bool read_ttl(const struct arguments *arguments, int64_t *ret_ttl_s)
{
    const char *text = option_value(arguments, "ttl");
    char *end = NULL;

    if (!text) {
        *ret_ttl_s = TTL_DEFAULT_S;
        return true;
    }
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 1 || value > 366L * 86400) {
        fprintf(stderr, "seckillctl: --ttl is a number of seconds, 1 to a year, not \"%s\"\n",
                text);
        return false;
    }
    *ret_ttl_s = value;
    return true;
}

int token_mint(const struct client *client, const struct arguments *arguments)
{
    char secret[SECRET_SIZE_MAX], token[TOKEN_SIGN_SIZE_MAX];
    const char *buyer = NULL;
    int64_t ttl_s = 0;
    struct token_signer_options options = {.secret = secret};

    (void)client;
    if (!arguments_check(arguments, "buyer ttl secret-file kid issuer audience", 0)
        || !read_buyer(arguments, &buyer) || !read_ttl(arguments, &ttl_s)
        || !read_secret(setting(arguments, "secret-file", "SECKILL_JWT_SECRET_FILE", NULL), secret,
                        &options.secret_size)) {
        return EXIT_USAGE;
    }
    options.kid = setting(arguments, "kid", "SECKILL_JWT_KID", "default");
    options.issuer = setting(arguments, "issuer", "SECKILL_JWT_ISSUER", "seckill");
    options.audience = setting(arguments, "audience", "SECKILL_JWT_AUDIENCE", "seckill");
    struct token_signer *signer = token_signer_create(&options);
    const int64_t now_s = time(NULL);
    const size_t size = signer ? token_sign(signer, buyer, now_s, now_s + ttl_s, token) : 0;

    token_signer_destroy(signer);
    if (size == 0) {
        fputs("seckillctl: the token could not be signed: a text is too long, or no memory\n",
              stderr);
        return EXIT_USAGE;
    }
    puts(token);
    return EXIT_DONE;
}
