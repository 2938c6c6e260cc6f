/* base64url: bytes as RFC 4648 §5 text, without padding, as tokens carry them.
 * Why:    one text for one value: what could be written in two ways is refused.
 * Never:  takes padding, white space, or last bits that are not zero.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* false: not base64url, empty, or larger than `room` bytes. Bytes may be written even then. */
bool base64url_decode(const char *text, size_t size, unsigned char *bytes, size_t room,
                      size_t *ret_size);
