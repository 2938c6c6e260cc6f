/* option_value: a word of the command line as a value of its kind.
 * Why:    what is wrong is told in one line that names the option, the bounds and the word.
 * Never:  guesses; knows relations between options (options.c).
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

/* All: false, with a line on stderr, when `text` is no such value; `what` is the option's name with
 * its dashes. */
bool option_u32(const char *text, uint32_t min, uint32_t max, const char *what, uint32_t *ret);
bool option_real(const char *text, double max, const char *what, double *ret);
/* One of `words`, as its index. */
bool option_word(const char *text, const char *const words[], uint32_t count, const char *what,
                 uint32_t *ret_index);
/* These add to their list in `options`. `text` of a sku is borrowed. */
bool option_target(const char *text, struct options *options);
bool option_sku(const char *text, struct options *options);
bool option_cpu(const char *text, struct options *options);
/* Replaces the list: a count, or addresses with commas between them. */
bool option_sources(const char *text, struct options *options);

/* One line on stderr; false. */
bool option_complain(const char *what, const char *value);
