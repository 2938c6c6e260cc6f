#include "common/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *file, int line, const char *function, const char *what)
{
    fprintf(stderr, "level=error event=assert_failed file=%s line=%d function=%s what=\"%s\"\n",
            file, line, function, what);
    fflush(stderr);
    abort();
}
