/* schema_example: the bytes that a page of schemas/ shows.
 * Why:    writer, reader and page are held against one another.
 * Never:  returns with fewer than there are: it asserts.
 * Thread: the test's. */
#pragma once

#include <stddef.h>

/* The hex digits between fences of `path`, as bytes; returns how many, `room` at most. */
size_t schema_example(const char *path, unsigned char *bytes, size_t room);
