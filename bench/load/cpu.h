/* cpu: processor time of processes, as the kernel tells it.
 * Why:    cost is CPU per request: it does not depend on who else is on the machine, as latency
 *         does.
 * Never:  ends or signals a process.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* utime + stime of the whole process in microseconds, from the text of /proc/PID/stat (the name
 * in it may hold anything). False: it is not such a text. `ticks` is sysconf(_SC_CLK_TCK). */
bool cpu_parse(const char *stat, long ticks, uint64_t *ret_us);
/* The same of a running process; false: there is none. */
bool cpu_of_process(int pid, uint64_t *ret_us);
