/* json_file: a result as a file of JSON.
 * Why:    report and capacity are written alike, and a disk that is full is told alike.
 * Never:  leaves a failed write unsaid.
 * Thread: any. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Writes `root` and a newline to `path`, whatever was there; numbers with a fraction get
 * `real_digits` significant digits. Takes `root` over; NULL: there was no memory for it. false: it
 * is not whole, which was told on stderr. */
bool json_file_write(json_t *root, int real_digits, const char *path);
