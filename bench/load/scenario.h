/* scenario: a file of settings for a run, each named like the option that it stands for.
 * Why:    a load that has a name can be repeated, and read.
 * Never:  knows what a setting means (options.c).
 * Thread: the first.  Owner: the caller of scenario_open(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct scenario;

/* By path, when `name` has a slash or ends in ".conf"; else NAME.conf beside the program, in its
 * folder "scenarios", or where scenarios are installed. NULL: told on stderr. */
struct scenario *scenario_open(const char *name);
void scenario_close(struct scenario *scenario); /* NULL is fine */

/* One setting as text; a list gives one call for each element, a true flag an empty text. `value`
 * lives as long as the scenario. False: told on stderr. */
typedef bool scenario_setting_fn(void *arg, const char *name, const char *value);
/* In the order of the file. False: a setting was refused; file and line were told on stderr. */
bool scenario_read(struct scenario *scenario, scenario_setting_fn *take, void *arg);
const char *scenario_name(const struct scenario *scenario); /* "mixed"; its own */
