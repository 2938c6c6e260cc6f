#include "journal/pending.h"

#include <criterion/criterion.h>
#include <signal.h>

static void done(void *arg, enum err status)
{
    (void)arg;
    (void)status;
}

static uint64_t put(struct pending *pending, int64_t at_us)
{
    return pending_put(pending,
                       &(struct pending_record){.done = done, .arg = NULL, .appended_us = at_us});
}

Test(pending, is_full_at_its_bound)
{
    struct pending *pending = pending_create(2);
    struct pending_record record;

    cr_assert_neq(put(pending, 1), 0);
    cr_assert_neq(put(pending, 2), 0);
    cr_assert_eq(put(pending, 3), 0);
    cr_assert_eq(pending_count(pending), 2);
    cr_assert(pending_take_oldest(pending, &record));
    cr_assert_neq(put(pending, 3), 0);
    pending_destroy(pending);
    pending_destroy(NULL);
}

Test(pending, a_handle_resolves_once)
{
    struct pending *pending = pending_create(1);
    struct pending_record record;
    uint64_t first = put(pending, 1), second;

    cr_assert(pending_take(pending, first, &record));
    cr_assert_not(pending_take(pending, first, &record));
    second = put(pending, 2); /* in the same place */
    cr_assert_not(pending_take(pending, first, &record));
    cr_assert(pending_take(pending, second, &record));
    cr_assert_eq(record.appended_us, 2);
    cr_assert_not(pending_take_oldest(pending, &record));
    pending_destroy(pending);
}

Test(pending, nobody_to_call_is_a_bug, .signal = SIGABRT)
{
    (void)pending_put(pending_create(1), &(struct pending_record){.done = NULL});
}

Test(pending, knows_the_oldest_whatever_is_taken)
{
    struct pending *pending = pending_create(4);
    struct pending_record record;
    uint64_t handles[4];

    cr_assert_eq(pending_oldest_us(pending), 0);
    for (int i = 0; i < 4; i++) {
        handles[i] = put(pending, 10 + i);
    }
    cr_assert_eq(pending_oldest_us(pending), 10);
    cr_assert(pending_take(pending, handles[1], &record)); /* in the middle */
    cr_assert_eq(pending_oldest_us(pending), 10);
    cr_assert(pending_take(pending, handles[0], &record)); /* the oldest */
    cr_assert_eq(pending_oldest_us(pending), 12);
    cr_assert(pending_take(pending, handles[3], &record)); /* the newest */
    cr_assert_neq(put(pending, 20), 0);
    cr_assert(pending_take_oldest(pending, &record));
    cr_assert_eq(record.appended_us, 12);
    cr_assert(pending_take_oldest(pending, &record));
    cr_assert_eq(record.appended_us, 20);
    cr_assert_eq(pending_oldest_us(pending), 0);
    pending_destroy(pending);
}
