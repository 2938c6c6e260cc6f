/* run_until: runs a loop until something has come true, or a deadline is over.
 * Why:    tests wait for a condition, never for a time.
 * Never:  returns before the deadline without the condition.
 * Thread: the loop's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Looks every few milliseconds. false: still not true after `timeout_ms`. */
bool run_until(struct loop *loop, bool (*is_true)(void *arg), void *arg, uint32_t timeout_ms);
