/* waiter: a sleep that can be ended, for threads that may block.
 * Why:    the worker's threads pause, back off and wait for times; stopping must not wait for them.
 * Never:  used on a loop's thread.
 * Thread: any. One waiter may serve several threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct waiter;

struct waiter *waiter_create(void);         /* NULL: no memory */
void waiter_destroy(struct waiter *waiter); /* NULL is fine; nobody may be waiting */
/* Ends all sleeps, now and later. */
void waiter_stop(struct waiter *waiter);
bool waiter_is_stopped(struct waiter *waiter);
/* Sleeps `ms`. False: stopped, at once or meanwhile. */
bool waiter_sleep_ms(struct waiter *waiter, uint32_t ms);
/* Monotonic microseconds: the clock of holds and back-offs (PROTOCOL §3.8). Fakes replace it. */
int64_t waiter_now_us(const struct waiter *waiter);
/* Wall clock, ms since the Unix epoch: display only. Fakes replace it. */
int64_t waiter_wall_ms(const struct waiter *waiter);
