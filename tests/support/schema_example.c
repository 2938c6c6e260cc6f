#include "support/schema_example.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

size_t schema_example(const char *path, unsigned char *bytes, size_t room)
{
    FILE *file = fopen(path, "r");
    bool in_fence = false;
    char line[256];
    size_t size = 0;
    unsigned byte;

    cr_assert_not_null(file, "%s", path);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "```", 3) == 0) {
            in_fence = !in_fence;
            continue;
        }
        for (size_t i = 0; in_fence && sscanf(line + i, "%2x", &byte) == 1; i += 2) {
            cr_assert(size < room);
            bytes[size++] = (unsigned char)byte;
        }
    }
    (void)fclose(file);
    return size;
}
