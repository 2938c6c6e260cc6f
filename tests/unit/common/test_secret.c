#include "common/secret.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/seckill-secret-XXXXXX";

static void make(const void *data, size_t size)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, size), (ssize_t)size);
    close(fd);
}

static void drop(void)
{
    unlink(path);
}

Test(secret, a_missing_file_is_not_found)
{
    struct secret secret;

    cr_assert_eq(secret_read("/nonexistent/secret", 1, &secret), ERR_NOT_FOUND);
}

Test(secret, a_directory_is_an_error)
{
    struct secret secret;

    cr_assert_eq(secret_read("/tmp", 1, &secret), ERR_IO);
}

Test(secret, too_short_is_refused, .fini = drop)
{
    struct secret secret = {.size = 42};

    make("short\n", 6);
    cr_assert_eq(secret_read(path, 6, &secret), ERR_RANGE);
    cr_assert_eq(secret.size, 42);
    cr_assert_eq(secret_read(path, 5, &secret), ERR_OK);
}

Test(secret, too_long_is_refused, .fini = drop)
{
    char data[SECRET_SIZE_MAX + 2];
    struct secret secret;

    memset(data, 'x', sizeof data);
    make(data, sizeof data);
    cr_assert_eq(secret_read(path, 1, &secret), ERR_RANGE);
}

Test(secret, one_trailing_newline_is_dropped, .fini = drop)
{
    struct secret secret;

    make("ab\0cd\n\n", 7);
    cr_assert_eq(secret_read(path, 1, &secret), ERR_OK);
    cr_assert_eq(secret.size, 6);
    cr_assert_arr_eq(secret.data, "ab\0cd\n", 7);
}

Test(secret, wiping_leaves_nothing)
{
    struct secret secret, zero;

    memset(&secret, 'x', sizeof secret);
    memset(&zero, 0, sizeof zero);
    secret_wipe(&secret);
    cr_assert_arr_eq(&secret, &zero, sizeof zero);
}
