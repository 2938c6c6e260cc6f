/* capacity_command: `seckill-bench plan`, its command line.
 * Why:    a plan is made of a report, by the program that wrote it.
 * Never:  sends anything.
 * Thread: the first. */
#pragma once

/* argv[0] is "plan". The exit status: 0 planned; 1 Redis does not fit, or a file could not be
 * written; 2 wrong use; 3 the report lacks what a plan needs. */
int capacity_command(int argc, char **argv);
