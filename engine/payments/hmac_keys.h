/* hmac_keys: what a provider that signs with secrets (HMAC-SHA256) needs to check a request.
 * Why:    Standard Webhooks and Stripe differ in headers and in what is signed, not in this.
 * Never:  reads a header or a body; knows whose secrets they are.
 * Thread: init for create and destroy; checking: any.  Owner: the creator. */
#pragma once

#include "payments/key_file.h"
#include "payments/provider.h"
#include "payments/signature.h"

struct hmac_keys;
/* `files`: the value of `setting`, read as key_file_hmac() says. ERR_OK with `*ret_keys` not
 * touched: it names no file. ERR_CONFIG with one line in `error`; ERR_NO_MEMORY. */
MUST_CHECK enum err hmac_keys_create(const char *setting, const char *files,
                                     enum key_file_whsec form, uint32_t tolerance_s,
                                     char error[static PROVIDER_ERROR_SIZE], void **ret_keys);
void hmac_keys_destroy(void *keys); /* wipes; not NULL */
/* OK: one of the MACs fits and the signed time is at most the tolerance from now. Else
 * BAD_SIGNATURE, TOO_OLD, TOO_NEW or INTERNAL (no memory). */
enum provider_result hmac_keys_check(const struct hmac_keys *keys,
                                     const struct signature_part *parts, uint32_t part_count,
                                     const struct signature_macs *macs, int64_t signed_ms,
                                     int64_t now_ms);
