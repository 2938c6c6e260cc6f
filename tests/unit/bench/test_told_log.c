#include "tools/common/told.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(told_log, what_may_be_an_order_is_kept_and_found_whatever_the_order_of_arrival)
{
    struct told_list list = {0};

    cr_assert(told_add(&list, "replayed", "bob", 7));
    cr_assert(told_add(&list, "sold-out", "carol", 0));
    cr_assert(told_add(&list, "timeout", "dave", 0));
    cr_assert(told_add(&list, "accepted", "alice", 9));
    cr_assert(told_add(&list, "accepted", "bob", 7));
    told_sort(&list);
    cr_assert_eq(list.count, 4, "a no is no order");
    cr_assert_not_null(told_find(&list, "bob", 7));
    cr_assert(told_is_same(told_find(&list, "bob", 7), told_find(&list, "bob", 7)));
    cr_assert_null(told_find(&list, "bob", 9));
    cr_assert_null(told_find(&list, "carol", 0));
    cr_assert_not_null(told_find(&list, "dave", 0), "an unknown may be an order");
    told_finish(&list);
    cr_assert_null(told_find(&list, "bob", 7));
}

Test(told_log, a_win_without_its_order_is_refused)
{
    struct told_list list = {0};

    cr_assert_not(told_add(&list, "accepted", "alice", 0));
    told_finish(&list);
}

Test(told_log, a_file_is_read_line_by_line_and_a_wrong_line_is_told)
{
    char path[] = "/tmp/test-told-XXXXXX";
    struct told_list list = {0};
    const int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    fputs("accepted alice 9\nsold-out bob -\nlost carol -\n", file);
    fflush(file);
    cr_assert(told_read("test", path, &list));
    cr_assert_eq(list.count, 2);
    fputs("accepted dave\n", file);
    fclose(file);
    cr_redirect_stderr();
    cr_assert_not(told_read("test", path, &list));
    unlink(path);
    told_finish(&list);
}
