#include <criterion/criterion.h>

#include "ledger/mysql_error.h"

Test(mysql_error, an_unknown_code_is_refused_and_keeps_the_session)
{
    cr_assert(mysql_error_meaning(64999) == ERR_REFUSED);
    cr_assert(mysql_error_meaning(1146) == ERR_REFUSED, "no such table: a human must act");
    cr_assert(mysql_error_meaning(1045) == ERR_REFUSED, "access denied");
    cr_assert(!mysql_error_ends_session(64999));
    cr_assert(mysql_error_meaning(0) == ERR_OK);
}

Test(mysql_error, what_rolls_back_by_itself_is_to_be_repeated)
{
    static const unsigned codes[] = {1020, 1205, 1213, 1615};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        cr_assert(mysql_error_meaning(codes[i]) == ERR_BUSY, "%u", codes[i]);
        cr_assert(!mysql_error_ends_session(codes[i]), "%u", codes[i]);
    }
}

Test(mysql_error, a_lost_session_is_unknown_and_over)
{
    static const unsigned codes[] = {1053, 1927, 2006, 2013, 2055, 4031};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        cr_assert(mysql_error_meaning(codes[i]) == ERR_LOST, "%u", codes[i]);
        cr_assert(mysql_error_ends_session(codes[i]), "%u", codes[i]);
    }
}

Test(mysql_error, a_server_that_cannot_serve_now_is_an_outage)
{
    static const unsigned ends[] = {1040, 1290, 1836, 2002, 2003};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        cr_assert(mysql_error_meaning(ends[i]) == ERR_UNAVAILABLE, "%u", ends[i]);
        cr_assert(mysql_error_ends_session(ends[i]), "after a failover: %u", ends[i]);
    }
    cr_assert(mysql_error_meaning(1021) == ERR_UNAVAILABLE, "disk full");
    cr_assert(!mysql_error_ends_session(1021));
}

Test(mysql_error, a_key_is_told_apart_from_a_value)
{
    cr_assert(mysql_error_meaning(1062) == ERR_CONFLICT);
    cr_assert(mysql_error_meaning(1586) == ERR_CONFLICT);
    cr_assert(mysql_error_meaning(4025) == ERR_RANGE, "CHECK of MariaDB");
    cr_assert(mysql_error_meaning(3819) == ERR_RANGE, "CHECK of MySQL");
    cr_assert(mysql_error_meaning(1264) == ERR_RANGE);
    cr_assert(mysql_error_meaning(1406) == ERR_RANGE);
}
