#include "admission/identity.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/token_sign.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define OLD_SECRET "an older secret of thirty-two b."
#define NOW_S INT64_C(1800000000)
#define HEADER "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}"
#define CLAIMS_OF(sub)                                                                             \
    "{\"iss\":\"shop\",\"aud\":\"seckill\",\"sub\":" sub ",\"iat\":1800000000,\"exp\":1800000060}"
#define CLAIMS CLAIMS_OF("\"buyer-1\"")

static struct identity *identity;
static struct buyer buyer;

static void begin(void)
{
    static const struct identity_key keys[] = {
        {"k1", IDENTITY_ALGORITHM_HS256, SECRET, 32},
        {"k0", IDENTITY_ALGORITHM_HS256, OLD_SECRET, 32},
    };
    const struct identity_options options = {
        .keys = keys, .key_count = 2, .issuer = "shop", .audience = "seckill", .leeway_s = 60};
    char error[IDENTITY_ERROR_SIZE];

    cr_assert_eq(identity_create(&options, error, &identity), ERR_OK, "%s", error);
    cr_assert_eq(buyer_parse("nobody", 6, &buyer), ERR_OK);
}

static void end(void)
{
    identity_destroy(identity);
}

TestSuite(identity, .init = begin, .fini = end);

/* --- tokens by hand: header and claims are any bytes */

static void encode(const void *bytes, size_t size, char *to)
{
    size_t length;

    (void)EVP_EncodeBlock((unsigned char *)to, bytes, (int)size);
    for (length = 0; to[length] != '\0' && to[length] != '='; length++) {
        to[length] = to[length] == '+' ? '-' : to[length] == '/' ? '_' : to[length];
    }
    to[length] = '\0';
}

static char *token_of(const char *header, const char *claims, const char *secret)
{
    static char token[16384];
    unsigned char mac[32];
    unsigned mac_size = sizeof mac;

    encode(header, strlen(header), token);
    strcat(token, ".");
    encode(claims, strlen(claims), token + strlen(token));
    cr_assert_not_null(HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)token,
                            strlen(token), mac, &mac_size));
    strcat(token, ".");
    encode(mac, sizeof mac, token + strlen(token));
    return token;
}

static enum identity_result verify(const char *token)
{
    char *exact = malloc(strlen(token) + 1);
    enum identity_result result;

    cr_assert_not_null(exact);
    memcpy(exact, token, strlen(token));
    result = identity_verify(identity, exact, strlen(token), NOW_S * 1000, &buyer);
    free(exact);
    cr_assert((result == IDENTITY_OK) == (strcmp(buyer.text, "nobody") != 0),
              "the buyer is set on success only");
    return result;
}

static enum identity_result verify_claims(const char *claims)
{
    return verify(token_of(HEADER, claims, SECRET));
}

static enum identity_result verify_header(const char *header)
{
    return verify(token_of(header, CLAIMS, SECRET));
}

Test(identity, refuses_what_is_no_token)
{
    char large[IDENTITY_TOKEN_SIZE_MAX + 2];

    cr_assert_eq(verify(""), IDENTITY_MISSING);
    cr_assert_eq(verify("x"), IDENTITY_MALFORMED);
    cr_assert_eq(verify(".."), IDENTITY_MALFORMED);
    cr_assert_eq(verify("a.b"), IDENTITY_MALFORMED);
    cr_assert_eq(verify("e30.e30.AA.AA"), IDENTITY_MALFORMED);
    cr_assert_eq(verify("e30.e30."), IDENTITY_MALFORMED);
    memset(large, 'A', sizeof large);
    large[sizeof large - 1] = '\0';
    cr_assert_eq(verify(large), IDENTITY_TOO_LARGE);
    large[sizeof large - 2] = '\0';
    cr_assert_eq(verify(large), IDENTITY_MALFORMED);
}

Test(identity, refuses_other_texts_for_the_same_bytes)
{
    char *token = token_of(HEADER, CLAIMS, SECRET);

    strcat(token, "=");
    cr_assert_eq(verify(token), IDENTITY_MALFORMED);
    token = token_of(HEADER, CLAIMS, SECRET);
    token[strlen(token) - 1]++; /* bits that belong to no byte */
    cr_assert_eq(verify(token), IDENTITY_MALFORMED);
    token = token_of(HEADER, CLAIMS, SECRET);
    strcat(token, "\n");
    cr_assert_eq(verify(token), IDENTITY_MALFORMED);
    cr_assert_eq(verify(token_of(HEADER " ", CLAIMS " ", SECRET)), IDENTITY_OK);
}

Test(identity, takes_the_algorithm_of_its_key_and_no_other)
{
    cr_assert_eq(verify_header("{\"alg\":\"none\",\"kid\":\"k1\"}"), IDENTITY_UNSIGNED);
    cr_assert_eq(verify_header("{\"alg\":\"none\"}"), IDENTITY_UNSIGNED);
    cr_assert_eq(verify_header("{\"alg\":\"None\",\"kid\":\"k1\"}"), IDENTITY_BAD_ALGORITHM);
    cr_assert_eq(verify_header("{\"alg\":\"HS512\",\"kid\":\"k1\"}"), IDENTITY_BAD_ALGORITHM);
    cr_assert_eq(verify_header("{\"alg\":\"RS256\",\"kid\":\"k1\"}"), IDENTITY_BAD_ALGORITHM);
    cr_assert_eq(verify_header("{\"alg\":\"hs256\",\"kid\":\"k1\"}"), IDENTITY_BAD_ALGORITHM);
    cr_assert_eq(verify_header("{\"kid\":\"k1\"}"), IDENTITY_MALFORMED);
    cr_assert_eq(verify_header("{\"alg\":1,\"kid\":\"k1\"}"), IDENTITY_MALFORMED);
}

Test(identity, refuses_an_unsigned_token)
{
    char token[1024], *dot;

    (void)snprintf(token, sizeof token, "%s", token_of(HEADER, CLAIMS, SECRET));
    dot = strrchr(token, '.');
    dot[1] = '\0';
    cr_assert_eq(verify(token), IDENTITY_UNSIGNED);
    memcpy(dot + 1, "AA", 3);
    cr_assert_eq(verify(token), IDENTITY_BAD_SIGNATURE);
}

Test(identity, refuses_a_key_that_it_has_not)
{
    cr_assert_eq(verify_header("{\"alg\":\"HS256\",\"kid\":\"k2\"}"), IDENTITY_UNKNOWN_KID);
    cr_assert_eq(verify_header("{\"alg\":\"HS256\"}"), IDENTITY_NO_KID);
    cr_assert_eq(verify_header("{\"alg\":\"HS256\",\"kid\":\"\"}"), IDENTITY_MALFORMED);
}

Test(identity, refuses_headers_that_ask_for_more)
{
#define WITH(member) "{\"alg\":\"HS256\",\"kid\":\"k1\"," member "}"
    cr_assert_eq(verify_header(WITH("\"crit\":[\"exp\"]")), IDENTITY_ASKS_TOO_MUCH);
    cr_assert_eq(verify_header(WITH("\"jku\":\"https://x\"")), IDENTITY_ASKS_TOO_MUCH);
    cr_assert_eq(verify_header(WITH("\"x5u\":\"https://x\"")), IDENTITY_ASKS_TOO_MUCH);
    cr_assert_eq(verify_header(WITH("\"x5c\":[]")), IDENTITY_ASKS_TOO_MUCH);
    cr_assert_eq(verify_header(WITH("\"jwk\":{}")), IDENTITY_ASKS_TOO_MUCH);
    cr_assert_eq(verify_header(WITH("\"typ\":\"secevent+jwt\"")), IDENTITY_BAD_TYPE);
    cr_assert_eq(verify_header(WITH("\"typ\":1")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_header(WITH("\"kid\":\"k1\"")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_header(WITH("\"x5t\":\"abc\"")), IDENTITY_OK);
}

Test(identity, refuses_a_wrong_signature)
{
    char token[1024];
    const char *dot;

    (void)snprintf(token, sizeof token, "%s", token_of(HEADER, CLAIMS, SECRET));
    cr_assert_eq(verify(token_of(HEADER, CLAIMS, OLD_SECRET)), IDENTITY_BAD_SIGNATURE);
    cr_assert_eq(verify(token_of(HEADER, CLAIMS, "")), IDENTITY_BAD_SIGNATURE);
    dot = strrchr(token, '.');
    token[dot - token + 1] = dot[1] == 'A' ? 'B' : 'A';
    cr_assert_eq(verify(token), IDENTITY_BAD_SIGNATURE);
    /* The signature of one token under other claims, with a header that is known by now. */
    cr_assert_eq(verify_claims(CLAIMS), IDENTITY_OK);
    cr_assert_eq(buyer_parse("nobody", 6, &buyer), ERR_OK);
    (void)snprintf(token, sizeof token, "%s", token_of(HEADER, CLAIMS, SECRET));
    token[strlen(HEADER) * 4 / 3 + 20]++;
    cr_assert_eq(verify(token), IDENTITY_BAD_SIGNATURE);
}

Test(identity, the_signature_is_checked_before_any_claim)
{
    cr_assert_eq(verify(token_of(HEADER, "not json", OLD_SECRET)), IDENTITY_BAD_SIGNATURE);
    cr_assert_eq(verify(token_of(HEADER, "not json", SECRET)), IDENTITY_MALFORMED);
    cr_assert_eq(verify(token_of("not json", CLAIMS, SECRET)), IDENTITY_MALFORMED);
    cr_assert_eq(verify(token_of("[]", CLAIMS, SECRET)), IDENTITY_MALFORMED);
}

#define TIMED(times) "{\"iss\":\"shop\",\"aud\":\"seckill\",\"sub\":\"b\"" times "}"

Test(identity, refuses_what_has_expired_or_never_does)
{
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1800000000")), IDENTITY_EXPIRED);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1")), IDENTITY_EXPIRED);
    cr_assert_eq(verify_claims(TIMED("")), IDENTITY_NO_EXPIRY);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":\"1800000060\"")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1800000060.5")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":-1")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":99999999999999999999")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1800000060,\"exp\":1")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1800000001")), IDENTITY_OK);
}

Test(identity, refuses_what_is_not_valid_yet)
{
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1900000000,\"nbf\":1800000061")),
                 IDENTITY_NOT_YET_VALID);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1900000000,\"iat\":1800000061")),
                 IDENTITY_NOT_YET_VALID);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1900000000,\"nbf\":\"x\"")), IDENTITY_MALFORMED);
    cr_assert_eq(verify_claims(TIMED(",\"exp\":1900000000,\"nbf\":1800000060,\"iat\":1800000060")),
                 IDENTITY_OK);
}

#define EXP ",\"exp\":1800000060}"

Test(identity, refuses_another_issuer_or_audience)
{
    cr_assert_eq(verify_claims("{\"aud\":\"seckill\",\"sub\":\"b\"" EXP), IDENTITY_BAD_ISSUER);
    cr_assert_eq(verify_claims("{\"iss\":\"shop2\",\"aud\":\"seckill\",\"sub\":\"b\"" EXP),
                 IDENTITY_BAD_ISSUER);
    cr_assert_eq(verify_claims("{\"iss\":[\"shop\"],\"aud\":\"seckill\",\"sub\":\"b\"" EXP),
                 IDENTITY_BAD_ISSUER);
    cr_assert_eq(verify_claims("{\"iss\":\"shop\",\"sub\":\"b\"" EXP), IDENTITY_BAD_AUDIENCE);
    cr_assert_eq(verify_claims("{\"iss\":\"shop\",\"aud\":\"Seckill\",\"sub\":\"b\"" EXP),
                 IDENTITY_BAD_AUDIENCE);
    cr_assert_eq(verify_claims("{\"iss\":\"shop\",\"aud\":[],\"sub\":\"b\"" EXP),
                 IDENTITY_BAD_AUDIENCE);
    cr_assert_eq(verify_claims("{\"iss\":\"shop\",\"aud\":[1,\"x\"],\"sub\":\"b\"" EXP),
                 IDENTITY_BAD_AUDIENCE);
    cr_assert_eq(verify_claims("{\"iss\":\"shop\",\"aud\":[\"x\",\"seckill\"],\"sub\":\"b\"" EXP),
                 IDENTITY_OK);
}

Test(identity, refuses_a_subject_that_is_no_buyer)
{
    char claims[512];

    cr_assert_eq(verify_claims("{\"iss\":\"shop\",\"aud\":\"seckill\"" EXP), IDENTITY_BAD_SUBJECT);
    cr_assert_eq(verify_claims(CLAIMS_OF("7")), IDENTITY_BAD_SUBJECT);
    cr_assert_eq(verify_claims(CLAIMS_OF("\"\"")), IDENTITY_BAD_SUBJECT);
    cr_assert_eq(verify_claims(CLAIMS_OF("\"a b\"")), IDENTITY_BAD_SUBJECT);
    cr_assert_eq(verify_claims(CLAIMS_OF("\"\\u00e9\"")), IDENTITY_BAD_SUBJECT);
    (void)snprintf(claims, sizeof claims, CLAIMS_OF("\"%065d\""), 0);
    cr_assert_eq(verify_claims(claims), IDENTITY_BAD_SUBJECT);
    (void)snprintf(claims, sizeof claims, CLAIMS_OF("\"%064d\""), 0);
    cr_assert_eq(verify_claims(claims), IDENTITY_OK);
}

Test(identity, takes_a_good_token_of_either_key)
{
    cr_assert_eq(verify_claims(CLAIMS), IDENTITY_OK);
    cr_assert_str_eq(buyer.text, "buyer-1");
    cr_assert_eq(buyer.size, 7);
    cr_assert_eq(verify(token_of("{\"kid\":\"k0\",\"alg\":\"HS256\"}", CLAIMS, OLD_SECRET)),
                 IDENTITY_OK);
    cr_assert_eq(verify_claims(CLAIMS), IDENTITY_OK, "the header of the other key is known now");
    cr_assert_eq(verify_header("{\"typ\":\"at+jwt\",\"alg\":\"HS256\",\"kid\":\"k1\"}"),
                 IDENTITY_OK);
}

Test(identity, a_known_header_does_not_lend_its_key)
{
    cr_assert_eq(verify_claims(CLAIMS), IDENTITY_OK);
    cr_assert_eq(verify(token_of("{\"kid\":\"k0\",\"alg\":\"HS256\"}", CLAIMS, OLD_SECRET)),
                 IDENTITY_OK);
    cr_assert_eq(buyer_parse("nobody", 6, &buyer), ERR_OK);
    cr_assert_eq(verify(token_of("{\"kid\":\"k0\",\"alg\":\"HS256\"}", CLAIMS, SECRET)),
                 IDENTITY_BAD_SIGNATURE);
    cr_assert_eq(verify(token_of(HEADER, CLAIMS, OLD_SECRET)), IDENTITY_BAD_SIGNATURE);
}

static enum identity_result verify_value(const char *value)
{
    return identity_verify_header(identity, value, value ? strlen(value) : 0, NOW_S * 1000, &buyer);
}

Test(identity, reads_the_authorization_header)
{
    char value[1100];
    const char *token = token_of(HEADER, CLAIMS, SECRET);

    cr_assert_eq(verify_value(NULL), IDENTITY_MISSING);
    cr_assert_eq(verify_value(""), IDENTITY_MISSING);
    cr_assert_eq(verify_value("Bearer"), IDENTITY_MISSING);
    cr_assert_eq(verify_value("Bearer "), IDENTITY_MISSING);
    cr_assert_eq(verify_value("Basic dXNlcjpwYXNz"), IDENTITY_MISSING);
    cr_assert_eq(verify_value("Bearerx"), IDENTITY_MISSING);
    cr_assert_eq(verify_value("Bearer x"), IDENTITY_MALFORMED);
    (void)snprintf(value, sizeof value, "Bearer %s x", token);
    cr_assert_eq(verify_value(value), IDENTITY_MALFORMED);
    (void)snprintf(value, sizeof value, "bEARER  %s", token);
    cr_assert_eq(verify_value(value), IDENTITY_OK);
    cr_assert_str_eq(buyer.text, "buyer-1");
}

/* --- creation */

static enum err create(const struct identity_key *keys, uint32_t count, const char *issuer,
                       char error[static IDENTITY_ERROR_SIZE])
{
    const struct identity_options options = {
        .keys = keys, .key_count = count, .issuer = issuer, .audience = "a"};
    struct identity *other = NULL;
    enum err err = identity_create(&options, error, &other);

    identity_destroy(other);
    return err;
}

static void assert_refused(const struct identity_key *keys, uint32_t count, const char *issuer,
                           const char *sentence)
{
    char error[IDENTITY_ERROR_SIZE] = "";

    cr_assert_eq(create(keys, count, issuer, error), ERR_CONFIG);
    cr_assert_str_eq(error, sentence);
}

Test(identity, refuses_keys_that_it_cannot_use)
{
    struct identity_key keys[] = {{"a", IDENTITY_ALGORITHM_HS256, SECRET, 31},
                                  {"a", IDENTITY_ALGORITHM_HS256, SECRET, 32}};
    char error[IDENTITY_ERROR_SIZE];

    assert_refused(keys, 0, "i", "jwt: 1 to 8 keys are needed");
    assert_refused(keys, 1, "i", "jwt key \"a\": the secret has 31 bytes, 32 are the least");
    keys[0].key_size = 32;
    assert_refused(keys, 2, "i", "jwt key \"a\": this key id is there twice");
    keys[0].algorithm = IDENTITY_ALGORITHM_RS256;
    assert_refused(keys, 1, "i", "jwt key \"a\": its algorithm is not supported");
    keys[0].kid = "a b";
    assert_refused(keys, 1, "i", "jwt key \"\": a key id is 1 to 64 visible ASCII characters");
    assert_refused(keys + 1, 1, "", "jwt issuer must be 1 to 256 bytes");
    cr_assert_eq(create(keys + 1, 1, "i", error), ERR_OK);
}

Test(identity, takes_what_our_signer_signs)
{
    const struct token_signer_options options = {"k1", "shop", "seckill", SECRET, 32};
    struct token_signer *signer = token_signer_create(&options);
    char token[TOKEN_SIGN_SIZE_MAX];
    size_t size;

    cr_assert_not_null(signer);
    size = token_sign(signer, "buyer-9", NOW_S, NOW_S + 60, token);
    cr_assert(size > 0 && size == strlen(token));
    cr_assert_eq(verify(token), IDENTITY_OK);
    cr_assert_str_eq(buyer.text, "buyer-9");
    cr_assert_eq(buyer_parse("nobody", 6, &buyer), ERR_OK);
    cr_assert(token_sign(signer, "a\"b", NOW_S, NOW_S - 1, token) > 0);
    cr_assert_eq(verify(token), IDENTITY_EXPIRED);
    token_signer_destroy(signer);
}
