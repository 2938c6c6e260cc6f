/* fake_guard_job: guard_job.h for the tests of one step of a load.
 * Why:    a step's beats are counted, and one of them may find the claim lost.
 * Never:  linked with guard.c.
 * Thread: any. */
#pragma once

#include <stdint.h>

#include "ledger/guard_store.h"

struct fake_guard_job {
    uint32_t beats;
    uint32_t fenced_at; /* this beat and all later ones find the claim lost; 0: none */
    enum guard_step step;
    uint64_t done, expected; /* of the last beat */
};
extern struct fake_guard_job fake_guard_job;
