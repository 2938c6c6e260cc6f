/* order_made: an order record that is good.
 * Why:    what a test of the log puts into it matters only by its number.
 * Never:  what a test looks at: a record that counts in one is written in it.
 * Thread: any. */
#pragma once

#include <stdint.h>

#include "domain/order.h"

/* The seq-th of sale 7, epoch 1; asserts that it is good. */
struct order_record order_made(uint32_t seq);
