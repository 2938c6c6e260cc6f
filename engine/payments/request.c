#include "payments/request.h"

#include "payments/text.h"

enum { UNIX_TIME_SIZE_MAX = 12 };

bool request_header(const struct provider_request *request, const char *name,
                    struct provider_text *ret_value)
{
    struct provider_text value = {NULL, 0};

    if (request->header(request->header_arg, name, &value) != 1 || value.size == 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool request_unix_time(struct provider_text text, int64_t *ret_ms)
{
    int64_t seconds;

    if (text.size > UNIX_TIME_SIZE_MAX || !text_digits(text, &seconds)) {
        return false;
    }
    *ret_ms = seconds * 1000;
    return true;
}

enum provider_result request_time_check(int64_t signed_ms, int64_t now_ms, int64_t past_ms,
                                        int64_t future_ms)
{
    if (now_ms - signed_ms > past_ms) {
        return PROVIDER_TOO_OLD;
    }
    return signed_ms - now_ms > future_ms ? PROVIDER_TOO_NEW : PROVIDER_OK;
}

enum provider_result request_verdict(enum signature_result signature, int64_t signed_ms,
                                     int64_t now_ms, int64_t tolerance_ms)
{
    switch (signature) {
    case SIGNATURE_FITS: return request_time_check(signed_ms, now_ms, tolerance_ms, tolerance_ms);
    case SIGNATURE_DIFFERS: return PROVIDER_BAD_SIGNATURE;
    case SIGNATURE_FAILED: return PROVIDER_INTERNAL;
    }
    return PROVIDER_INTERNAL;
}
