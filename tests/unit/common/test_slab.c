#include "common/slab.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

struct item {
    char bytes[24];
};

Test(slab, giving_back_twice_aborts, .signal = SIGABRT)
{
    struct slab *slab = slab_create(sizeof(struct item), 2);
    void *item = slab_take(slab);

    slab_give(slab, item);
    slab_give(slab, item);
}

Test(slab, giving_a_foreign_pointer_aborts, .signal = SIGABRT)
{
    struct slab *slab = slab_create(sizeof(struct item), 2);
    struct item foreign;

    slab_give(slab, &foreign);
}

Test(slab, giving_the_middle_of_an_item_aborts, .signal = SIGABRT)
{
    struct slab *slab = slab_create(sizeof(struct item), 2);
    char *item = slab_take(slab);

    slab_give(slab, item + 1);
}

Test(slab, a_handle_of_a_free_item_aborts, .signal = SIGABRT)
{
    struct slab *slab = slab_create(sizeof(struct item), 2);
    void *item = slab_take(slab);

    slab_give(slab, item);
    (void)slab_handle(slab, item);
}

Test(slab, too_large_is_no_memory)
{
    cr_assert_null(slab_create(SIZE_MAX / 4, 1000));
}

Test(slab, destroying_nothing_is_fine)
{
    slab_destroy(NULL);
}

Test(slab, an_empty_slab_gives_null_and_recovers)
{
    struct slab *slab = slab_create(sizeof(struct item), 3);
    void *items[3];

    for (int i = 0; i < 3; i++) {
        items[i] = slab_take(slab);
        cr_assert_not_null(items[i]);
    }
    cr_assert_null(slab_take(slab));
    cr_assert_eq(slab_taken_count(slab), 3);
    slab_give(slab, items[1]);
    cr_assert_eq(slab_take(slab), items[1]);
    cr_assert_null(slab_take(slab));
    slab_destroy(slab);
}

Test(slab, items_are_apart_aligned_and_zeroed)
{
    struct slab *slab = slab_create(sizeof(struct item), 4);
    struct item zero = {{0}};
    char *a = slab_take(slab);

    memset(a, 0xff, sizeof zero);
    char *b = slab_take(slab);
    cr_assert(b >= a + sizeof zero || a >= b + sizeof zero);
    cr_assert_eq((uintptr_t)b % 16, 0);
    cr_assert_arr_eq(b, &zero, sizeof zero);
    slab_give(slab, a);
    cr_assert_eq(slab_take(slab), a);
    cr_assert_arr_eq(a, &zero, sizeof zero);
    slab_destroy(slab);
}

Test(slab, counts_follow)
{
    struct slab *slab = slab_create(1, 5);
    void *item;

    cr_assert_eq(slab_item_count(slab), 5);
    cr_assert_eq(slab_taken_count(slab), 0);
    item = slab_take(slab);
    cr_assert_eq(slab_taken_count(slab), 1);
    slab_give(slab, item);
    cr_assert_eq(slab_taken_count(slab), 0);
    slab_destroy(slab);
}

Test(slab, a_handle_dies_with_its_item)
{
    struct slab *slab = slab_create(sizeof(struct item), 1);
    void *item = slab_take(slab);
    uint64_t first = slab_handle(slab, item), second;

    cr_assert_neq(first, 0);
    cr_assert_eq(slab_resolve(slab, first), item);
    slab_give(slab, item);
    cr_assert_null(slab_resolve(slab, first));
    item = slab_take(slab);
    second = slab_handle(slab, item);
    cr_assert_neq(first, second);
    cr_assert_null(slab_resolve(slab, first));
    cr_assert_eq(slab_resolve(slab, second), item);
    slab_destroy(slab);
}

Test(slab, a_made_up_handle_is_null)
{
    struct slab *slab = slab_create(sizeof(struct item), 2);
    uint64_t handle = slab_handle(slab, slab_take(slab));

    cr_assert_null(slab_resolve(slab, 0));
    cr_assert_null(slab_resolve(slab, UINT64_MAX));
    cr_assert_null(slab_resolve(slab, handle + 5));
    cr_assert_null(slab_resolve(slab, handle + (UINT64_C(1) << 32)));
    slab_destroy(slab);
}
