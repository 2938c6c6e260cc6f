/* options_help: the text of --help, from options.def.
 * Why:    an option that is not told of does not exist for its user.
 * Never:  knows what an option does.
 * Thread: any. */
#pragma once

#include <stdio.h>

void options_help(FILE *out);
