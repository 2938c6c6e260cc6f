/* money: amounts that a provider writes as decimal text.
 * Why:    199.90 is 19990 minor units exactly; a double is not.
 * Never:  rounds; takes a sign, an exponent, blanks, or a group separator.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "payments/provider.h"

/* "20", "20.5" or "20.50" with two digits behind the point at most, at most 12 before it and no
 * zero in front of others. false: something else. */
bool money_read_cents(struct provider_text text, int64_t *ret_cents);
