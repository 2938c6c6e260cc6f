/* encoding: the texts in which signatures travel.
 * Why:    one text for one value: what could be written in two ways is refused.
 * Never:  takes white space, missing padding, capital hex digits, or last bits that are not zero.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "payments/provider.h"

/* RFC 4648 §4, with padding. false: not that, empty, or larger than `room`; bytes may be written
 * even then. */
bool encoding_base64(struct provider_text text, unsigned char *bytes, size_t room,
                     size_t *ret_size);
/* Lower-case hex of exactly `size` bytes. */
bool encoding_hex(struct provider_text text, unsigned char *bytes, size_t size);
