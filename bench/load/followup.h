/* followup: what a winner does next: pays the order, or cancels it; or lets it lapse.
 * Why:    a unit that is not paid comes back: a load of purchases alone never sees that.
 * Never:  sends; pays an order twice: a notice's ids follow from the order's number.
 * Thread: any after followup_init(): it never changes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"
#include "response.h"

enum { FOLLOWUP_SECRET_MAX = 128, FOLLOWUP_SIGNATURE_SIZE = 48 };

struct followup {
    const struct options *options; /* borrowed */
    unsigned char secret[FOLLOWUP_SECRET_MAX];
    size_t secret_size; /* 0: none, nobody pays */
};

/* Reads the secret from options->payment_secret_file, if that is set: `whsec_<base64>`. False:
 * told on stderr. */
bool followup_init(struct followup *followup, const struct options *options);
/* Standard Webhooks: "v1,<base64>" of HMAC-SHA256 over id.time.body. False: OpenSSL failed. */
bool followup_sign(const struct followup *followup, const char *id, int64_t at_s, const char *body,
                   char signature[static FOLLOWUP_SIGNATURE_SIZE]);
/* The notice of provider `standard` that the order of this answer is paid in full. Its size; 0:
 * the answer names no price. */
size_t followup_pay(const struct followup *followup, const struct response *won, const char *host,
                    int64_t at_s, char request[static REQUEST_SIZE_MAX]);
/* The buyer's request to cancel that order. */
size_t followup_cancel(const struct followup *followup, const struct response *won,
                       const char *host, struct token token, char request[static REQUEST_SIZE_MAX]);
