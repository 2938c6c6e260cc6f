#include "unit/journal/told.h"

#include <criterion/criterion.h>

#include "support/run_until.h"

enum { WAIT_MS = 30000 };

struct wanted {
    const struct told *told;
    int calls;
};

void told_on_done(void *arg, enum err status)
{
    struct told *told = arg;

    told->calls++;
    told->last = status;
}

static bool is_told(void *arg)
{
    const struct wanted *wanted = arg;

    return wanted->told->calls == wanted->calls;
}

void told_wait(struct told *told, struct loop *loop, int calls)
{
    struct wanted wanted = {told, calls};

    cr_assert(run_until(loop, is_told, &wanted, WAIT_MS), "%d of %d", told->calls, calls);
}
