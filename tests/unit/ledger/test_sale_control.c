#include <criterion/criterion.h>
#include <string.h>

#include "ledger/mysql_link.h"
#include "ledger/sale_control.h"

static bool moves(enum sale_control from, enum sale_verb verb, enum sale_control to)
{
    enum sale_control next = SALE_CONTROL_COUNT;

    return sale_control_next(from, verb, &next) == ERR_OK && next == to;
}

static bool refuses(enum sale_control from, enum sale_verb verb)
{
    enum sale_control next = SALE_CONTROL_COUNT;

    return sale_control_next(from, verb, &next) == ERR_CONFLICT && next == SALE_CONTROL_COUNT;
}

Test(sale_control, an_ended_sale_stays_ended)
{
    for (int verb = 0; verb < SALE_VERB_COUNT; verb++) {
        if (verb == SALE_VERB_END) {
            cr_assert(moves(SALE_CONTROL_ENDED, SALE_VERB_END, SALE_CONTROL_ENDED));
        } else {
            cr_assert(refuses(SALE_CONTROL_ENDED, (enum sale_verb)verb));
        }
    }
}

Test(sale_control, only_unfreeze_and_end_lead_out_of_frozen)
{
    cr_assert(refuses(SALE_CONTROL_FROZEN, SALE_VERB_RESUME));
    cr_assert(refuses(SALE_CONTROL_FROZEN, SALE_VERB_PAUSE));
    cr_assert(refuses(SALE_CONTROL_FROZEN, SALE_VERB_OPEN));
    cr_assert(moves(SALE_CONTROL_FROZEN, SALE_VERB_UNFREEZE, SALE_CONTROL_PAUSED));
    cr_assert(moves(SALE_CONTROL_FROZEN, SALE_VERB_END, SALE_CONTROL_ENDED));
}

Test(sale_control, pause_and_resume_are_harmless_twice)
{
    cr_assert(moves(SALE_CONTROL_OPEN, SALE_VERB_PAUSE, SALE_CONTROL_PAUSED));
    cr_assert(moves(SALE_CONTROL_PAUSED, SALE_VERB_PAUSE, SALE_CONTROL_PAUSED));
    cr_assert(moves(SALE_CONTROL_PAUSED, SALE_VERB_RESUME, SALE_CONTROL_OPEN));
    cr_assert(moves(SALE_CONTROL_OPEN, SALE_VERB_RESUME, SALE_CONTROL_OPEN));
    cr_assert(refuses(SALE_CONTROL_OPEN, SALE_VERB_UNFREEZE));
    cr_assert(moves(SALE_CONTROL_PAUSED, SALE_VERB_FREEZE, SALE_CONTROL_FROZEN));
}

Test(sale_control, names_are_read_back)
{
    enum sale_verb verb = SALE_VERB_COUNT;
    enum sale_control control = SALE_CONTROL_COUNT;
    const struct sql_value bad = sql_text("closed");

    for (int i = 0; i < SALE_VERB_COUNT; i++) {
        const char *name = sale_verb_name((enum sale_verb)i);
        cr_assert(sale_verb_parse(name, strlen(name), &verb) == ERR_OK && (int)verb == i);
    }
    cr_assert(sale_verb_parse("stop", 4, &verb) == ERR_PARSE);
    for (int i = 0; i < SALE_CONTROL_COUNT; i++) {
        const struct sql_value name = sql_text(sale_control_name((enum sale_control)i));
        cr_assert(sale_control_read(&name, &control) == ERR_OK && (int)control == i);
    }
    cr_assert(sale_control_read(&bad, &control) == ERR_PARSE);
}
