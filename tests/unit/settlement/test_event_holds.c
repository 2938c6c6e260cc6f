#include "settlement/event_holds.h"

#include <criterion/criterion.h>

static struct event_holds holds;

Test(event_holds, a_key_is_held_until_it_is_released_or_its_time_is_over)
{
    cr_assert(event_holds_put(&holds, 7, 100, EVENT_HOLD_LOST));
    cr_assert(event_holds_put(&holds, 8, 200, EVENT_HOLD_REFUSED));
    cr_assert(event_holds_has(&holds, 7) && event_holds_has(&holds, 8));
    cr_assert(!event_holds_has(&holds, 9));
    event_holds_expire(&holds, 100);
    cr_assert(!event_holds_has(&holds, 7) && event_holds_has(&holds, 8));
    event_holds_release(&holds, 9);
    event_holds_release(&holds, 8);
    cr_assert(!event_holds_has(&holds, 8));
}

Test(event_holds, a_key_is_held_once)
{
    cr_assert(event_holds_put(&holds, 7, 100, EVENT_HOLD_UNDER_WAY));
    cr_assert(event_holds_put(&holds, 7, 300, EVENT_HOLD_REFUSED));
    cr_assert_eq(event_holds_count(&holds, EVENT_HOLD_UNDER_WAY), 0);
    cr_assert_eq(event_holds_count(&holds, EVENT_HOLD_REFUSED), 1);
    event_holds_expire(&holds, 200);
    cr_assert(event_holds_has(&holds, 7));
}

Test(event_holds, it_is_bounded)
{
    for (uint64_t key = 1; key <= EVENT_HOLDS_MAX; key++) {
        cr_assert(event_holds_put(&holds, key, 100, EVENT_HOLD_LOST));
    }
    cr_assert(!event_holds_put(&holds, 5000, 100, EVENT_HOLD_LOST));
    cr_assert(event_holds_put(&holds, 1, 200, EVENT_HOLD_LOST), "it is there");
    event_holds_expire(&holds, 100);
    cr_assert(event_holds_count(&holds, EVENT_HOLD_LOST) == 1 && event_holds_has(&holds, 1));
}
