#include "json_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool json_file_write(json_t *root, int real_digits, const char *path)
{
    FILE *file = fopen(path, "w");
    bool good = root && file;

    errno = file ? 0 : errno;
    if (good) {
        good =
            json_dumpf(root, file, JSON_INDENT(1) | JSON_REAL_PRECISION((unsigned)real_digits)) == 0
            && fputc('\n', file) != EOF;
    }
    if (file) {
        good = fclose(file) == 0 && good;
    }
    json_decref(root);
    if (!good) {
        fprintf(stderr, "seckill-bench: %s: %s\n", path, strerror(errno ? errno : ENOMEM));
    }
    return good;
}
