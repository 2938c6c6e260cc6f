/* monitor: looks on while the shooters work.
 * Why:    one place takes what each second held, reads the CPU time of the servers at the right
 *         moments, and prints the line of each second.
 * Never:  slows a shooter down; counts anything itself.
 * Thread: the first.  Owner: the caller of monitor_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "series.h"
#include "shooter.h"

struct monitor;

/* `run` is borrowed; its times are set by the first look. NULL: no memory. */
struct monitor *monitor_create(const struct run *run);
void monitor_destroy(struct monitor *monitor); /* NULL is fine */
/* To be called every few hundredths of a second. `done`: all shooters are; the last call. */
void monitor_look(struct monitor *monitor, struct shooter *const shooters[], uint32_t count,
                  bool done);

const struct series *monitor_series(const struct monitor *monitor);
/* CPU time of a process group in the measured time; false: one of its processes ended. */
bool monitor_cpu_us(const struct monitor *monitor, uint32_t group, uint64_t *ret_us);
int64_t monitor_window_end_ns(const struct monitor *monitor); /* of the measured time */
int64_t monitor_done_ns(const struct monitor *monitor);       /* of the last look */
