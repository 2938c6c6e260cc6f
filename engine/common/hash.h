/* hash: xxHash behind our own names.
 * Why:    tables, Bloom filters and key hashes use one function each.
 * Never:  used for signatures or secrets.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HASH128_HEX_SIZE = 33 };

uint64_t hash64(const void *data, size_t size, uint64_t seed); /* XXH64 */
/* XXH3-128 as 32 lower hex digits and a NUL (PROTOCOL §5 key_hash). */
void hash128_hex(const void *data, size_t size, char hex[static HASH128_HEX_SIZE]);
