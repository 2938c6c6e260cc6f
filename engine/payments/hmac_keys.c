#include "payments/hmac_keys.h"

#include "payments/request.h"

#include <stdlib.h>

struct hmac_keys {
    struct signature_hmac *hmac; /* owned */
    int64_t tolerance_ms;
};

enum err hmac_keys_create(const char *setting, const char *files, enum key_file_whsec form,
                          uint32_t tolerance_s, char error[static PROVIDER_ERROR_SIZE],
                          void **ret_keys)
{
    struct signature_hmac *hmac = NULL;
    struct hmac_keys *keys;
    enum err err = key_file_hmac(setting, files, form, error, &hmac);

    if (err != ERR_OK || !hmac) {
        return err;
    }
    keys = malloc(sizeof *keys);
    if (!keys) {
        signature_hmac_destroy(hmac);
        return ERR_NO_MEMORY;
    }
    *keys = (struct hmac_keys){.hmac = hmac, .tolerance_ms = (int64_t)tolerance_s * 1000};
    *ret_keys = keys;
    return ERR_OK;
}

void hmac_keys_destroy(void *arg)
{
    struct hmac_keys *keys = arg;

    signature_hmac_destroy(keys->hmac);
    free(keys);
}

enum provider_result hmac_keys_check(const struct hmac_keys *keys,
                                     const struct signature_part *parts, uint32_t part_count,
                                     const struct signature_macs *macs, int64_t signed_ms,
                                     int64_t now_ms)
{
    return request_verdict(signature_hmac_check(keys->hmac, parts, part_count, macs), signed_ms,
                           now_ms, keys->tolerance_ms);
}
