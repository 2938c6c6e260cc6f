/* What an append was told: how often, and the last of it. */
#pragma once

#include "common/err.h"

struct loop;

struct told {
    int calls;
    enum err last;
};

void told_on_done(void *arg, enum err status); /* arg: struct told */
/* Runs the loop until there were that many; fails the test when they do not come. */
void told_wait(struct told *told, struct loop *loop, int calls);
