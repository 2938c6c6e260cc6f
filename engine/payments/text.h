/* text: small readings of what stands in headers and settings.
 * Why:    slices without a NUL are cut and compared in many places.
 * Never:  compares a signature or a secret: text_is() ends at the first difference
 *         (signature.h compares those; tools/tidy.py, rule constant-time).
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "payments/provider.h"

bool text_is(struct provider_text text, const char *expected);
bool text_begins(struct provider_text text, const char *prefix);
/* Below, equal to or above 0 as bytes are compared; a beginning is below what it begins. */
int text_order(struct provider_text a, struct provider_text b);
/* Visible ASCII without blanks, size_min to size_max bytes. */
bool text_is_visible(struct provider_text text, size_t size_min, size_t size_max);
/* Cuts the part before `separator` off the front of `rest`; false when `rest` has been used up.
 * "a,,b" has three parts, "" has one, the empty one: `rest->data` NULL is the end. */
bool text_cut(struct provider_text *rest, char separator, struct provider_text *ret_part);
/* Without blanks and tabs around it. */
struct provider_text text_trim(struct provider_text text);
/* Decimal, 1 to 15 digits, nothing else. */
bool text_digits(struct provider_text text, int64_t *ret_value);
