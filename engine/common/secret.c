#include "common/secret.h"

#include <stdio.h>
#include <string.h>

void secret_wipe(struct secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

static enum err read_file(const char *path, struct secret *secret)
{
    FILE *file = fopen(path, "rbe");
    enum err err = ERR_OK;

    if (!file) {
        return ERR_NOT_FOUND;
    }
    /* No copy of the secret stays in the stream's buffer. */
    (void)setvbuf(file, NULL, _IONBF, 0);
    secret->size = fread(secret->data, 1, sizeof secret->data, file);
    if (ferror(file)) {
        err = ERR_IO;
    }
    (void)fclose(file);
    return err;
}

enum err secret_read(const char *path, size_t size_min, struct secret *ret_secret)
{
    struct secret secret = {0};
    enum err err = read_file(path, &secret);

    if (err == ERR_OK && secret.size > 0 && secret.data[secret.size - 1] == '\n') {
        secret.size--;
    }
    if (err == ERR_OK && (secret.size < size_min || secret.size > SECRET_SIZE_MAX)) {
        err = ERR_RANGE;
    }
    if (err == ERR_OK) {
        secret.data[secret.size] = '\0';
        *ret_secret = secret;
    }
    secret_wipe(&secret);
    return err;
}

bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size)
{
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned char differ = 0;

    if (a_size != b_size) {
        return false;
    }
    for (size_t i = 0; i < a_size; i++) {
        differ |= (unsigned char)(x[i] ^ y[i]);
    }
    return differ == 0;
}
