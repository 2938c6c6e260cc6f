/* fake_loop: loop/loop.h and loop/timer.h on a clock that only the test moves.
 * Why:    deadlines and leases are tested to the microsecond, without waiting.
 * Never:  reads a real clock; runs anything by itself.
 * Thread: the test's. */
#pragma once

#include <stdint.h>

#include "loop/loop.h"

struct loop *fake_loop_create(int64_t now_us);
void fake_loop_destroy(struct loop *loop);
/* Moves both clocks; due timers run in order of time, each in a turn of its own, then deferred
 * calls. */
void fake_loop_advance_us(struct loop *loop, int64_t us);
/* As if the process were stopped within a turn: only loop_clock_us() moves, no timer runs. */
void fake_loop_stall_us(struct loop *loop, int64_t us);
/* A new turn at the present time: the cached time catches up, deferred calls and due timers run. */
void fake_loop_turn(struct loop *loop);
uint32_t fake_loop_timer_count(const struct loop *loop); /* running */
