#include "bench/load/retries.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void push(struct retries *retries, uint32_t buyer)
{
    const struct attempt attempt = {.buyer = buyer, .kind = KIND_DROP};

    retries_push(retries, retry_create(&attempt, buyer * 100, "request", 7));
}

Test(retries, they_come_back_in_their_order_with_their_bytes)
{
    struct retries retries = {0};

    for (uint32_t round = 0; round < 2; round++) {
        push(&retries, 1);
        push(&retries, 2);
        push(&retries, 3);
        for (uint32_t buyer = 1; buyer <= 3; buyer++) {
            struct retry *retry = retries_take(&retries);
            cr_assert_eq(retry->attempt.buyer, buyer);
            cr_assert_eq(retry->due_ns, buyer * 100);
            cr_assert_eq(retry->size, 7);
            cr_assert_arr_eq(retry->request, "request", 7);
            free(retry);
        }
        cr_assert_null(retries.first);
    }
}

Test(retries, what_is_left_is_freed)
{
    struct retries retries = {0};

    push(&retries, 1);
    push(&retries, 2);
    retries_finish(&retries);
    cr_assert(retries.first == NULL && retries.last == NULL);
}
