/* Gives every file of a directory to the fuzz target, one TAP line each. A crash is a failure. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 10000, INPUT_SIZE_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The exact size is allocated, so that a sanitizer sees a read behind the end. */
static int replay(const char *directory, const char *name)
{
    static uint8_t input[INPUT_SIZE_MAX];
    char path[4096];
    size_t size;
    uint8_t *exact;
    FILE *file;

    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        return -1;
    }
    file = fopen(path, "rb");
    if (!file) {
        return -1;
    }
    size = fread(input, 1, sizeof input, file);
    if (ferror(file) || !feof(file)) {
        (void)fclose(file);
        return -1;
    }
    (void)fclose(file);
    exact = malloc(size > 0 ? size : 1);
    if (!exact) {
        return -1;
    }
    memcpy(exact, input, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(int argument_count, char **arguments)
{
    struct dirent **entries;
    int failed = 0;
    int count;

    if (argument_count != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", arguments[0]);
        return 2;
    }
    count = scandir(arguments[1], &entries, is_file, alphasort);
    if (count <= 0 || count > FILES_MAX) {
        printf("1..1\nnot ok 1 - %s has no corpus\n", arguments[1]);
        return 1;
    }
    printf("1..%d\n", count);
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        int result = replay(arguments[1], entries[i]->d_name);

        failed |= result;
        printf("%s %d - %s\n", result == 0 ? "ok" : "not ok", i + 1, entries[i]->d_name);
        fflush(stdout);
        free(entries[i]);
    }
    free(entries);
    return failed == 0 ? 0 : 1;
}
