#include "journal/parts.h"

#include <criterion/criterion.h>
#include <string.h>

static struct parts parts;

static void put(uint32_t id, enum part_state state, uint64_t next)
{
    parts.items[parts.count++] =
        (struct part){.id = id, .state = state, .next = next, .low = 5, .high = 9};
}

Test(parts, finds_by_number)
{
    put(3, PART_WAITING, 0);
    put(1, PART_PAUSED, 7);
    cr_assert_eq(parts_find(&parts, 3), &parts.items[0]);
    cr_assert_null(parts_find_placed(&parts, 3));
    cr_assert_eq(parts_find_placed(&parts, 1), &parts.items[1]);
    cr_assert_null(parts_find(&parts, 0));
}

Test(parts, tells_all_that_are_stopped)
{
    char text[200] = "old";

    put(0, PART_FETCHING, 6);
    parts_tell_stopped(&parts, text, sizeof text);
    cr_assert_str_eq(text, "");
    put(1, PART_STOPPED, 4);
    parts_tell_stopped(&parts, text, sizeof text);
    cr_assert_str_eq(text, "partition 1: log gap: the log holds 5 to 9, our place is 4");
    parts.items[1].next = 10;
    put(2, PART_STOPPED, 4);
    put(3, PART_STOPPED, 4);
    parts_tell_stopped(&parts, text, sizeof text);
    cr_assert_str_eq(text, "partition 1: beyond the end: the log holds 5 to 9, our place is 10; "
                           "partition 2, too; partition 3, too");
}

Test(parts, a_text_that_is_too_small_is_cut)
{
    char text[64];

    for (uint32_t i = 0; i < CONSUMER_PARTITIONS_MAX; i++) {
        put(i, PART_STOPPED, 4);
    }
    parts_tell_stopped(&parts, text, 20);
    cr_assert_str_eq(text, "partition 0: log ga");
    parts_tell_stopped(&parts, text, sizeof text);
    cr_assert_eq(strlen(text), sizeof text - 1);
}
