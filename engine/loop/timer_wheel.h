/* timer_wheel: what a loop holds of its timers. Inside loop/ only; everyone else uses loop/timer.h.
 * Why:    the loop owns the wheel, timer.c knows what is in it.
 * Never:  used outside loop/.
 * Thread: loop.  Owner: the loop. */
#pragma once

struct loop;
struct timer_wheel;

struct timer_wheel *timer_wheel_create(struct loop *loop); /* NULL: no memory; `loop` borrowed */
void timer_wheel_destroy(struct timer_wheel *wheel); /* NULL is fine; running timers never fire */

struct timer_wheel *loop_timer_wheel(struct loop *loop); /* borrowed from the loop */
