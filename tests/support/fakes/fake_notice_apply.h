/* fake_notice_apply: notices that have their effect in fake_ledger's memory.
 * Why:    who consumes notices is tested apart from what a notice does.
 * Never:  linked with the real settlement/notice_apply.
 * Thread: that of the test. */
#pragma once

#include <stdint.h>

#include "settlement/notice_apply.h"

enum { FAKE_TOLD_MAX = 64 };

struct fake_notice_apply {
    uint64_t refused;           /* 1 + the offset of one whose values are refused; 0: none */
    enum err refused_err;       /* ERR_OK: ERR_RANGE */
    enum err lock_err, err;     /* of the next call, once */
    uint32_t locks, locked;     /* calls, notices in the last one */
    uint32_t sweeps, sweep_max; /* calls; orders that the next ones look at */
    enum err sweep_err;
    uint64_t told[FAKE_TOLD_MAX]; /* offsets */
    uint32_t told_count;
};
extern struct fake_notice_apply fake_notice_apply; /* a test has a process of its own */
