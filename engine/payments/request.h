/* request: what all verifiers ask of a request.
 * Why:    one rule for headers that are there twice and for signed times.
 * Never:  looks at a body.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "payments/provider.h"
#include "payments/signature.h"

/* true: the field is there exactly once, and not empty. */
bool request_header(const struct provider_request *request, const char *name,
                    struct provider_text *ret_value);
/* Seconds since 1970, digits alone, as milliseconds. */
bool request_unix_time(struct provider_text text, int64_t *ret_ms);
/* OK, TOO_OLD or TOO_NEW: a time at most `past_ms` before and `future_ms` after now. */
enum provider_result request_time_check(int64_t signed_ms, int64_t now_ms, int64_t past_ms,
                                        int64_t future_ms);
/* What is said of a request whose signature covers a time: BAD_SIGNATURE, INTERNAL (it is not
 * known), or when it fits what request_time_check() says, `tolerance_ms` in both directions. */
enum provider_result request_verdict(enum signature_result signature, int64_t signed_ms,
                                     int64_t now_ms, int64_t tolerance_ms);
