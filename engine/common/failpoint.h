/* failpoint: named places where a test makes a process die, stop, wait or fail.
 * Why:    "killed at any instruction" (I16) can only be shown where the instruction can be chosen.
 * How:    builds with -Dfailpoints=true look, each time they pass a point, into the file that the
 *         environment names in SECKILL_FAILPOINT_FILE: one line `POINT ACTION CLAIM TAKEN`, without
 *         blanks in a word. Who reads its own point there renames the file CLAIM to TAKEN; who
 *         succeeds does the action. So it is done once, by one of all threads and processes that
 *         were given the same CLAIM, and by nobody when a test took CLAIM away:
 *           kill      ends itself by SIGKILL
 *           stop      stops itself by SIGSTOP at this very place, until SIGCONT
 *           delay:MS  sleeps in this thread
 *           fail      FAILPOINT_FAILS() is true, once
 * Never:  exists in other builds: there the macros are nothing.
 * Thread: any. */
#pragma once

#include <stdbool.h>

/* common/failpoint.def: name, and where it stands. */
enum failpoint {
#define FAILPOINT(name, where) FAILPOINT_##name,
#include "common/failpoint.def"
#undef FAILPOINT
    FAILPOINT_COUNT
};

/* Constant text: the name in the .def. */
const char *failpoint_name(enum failpoint point);
/* Does what the file says of this point, if it does. True: the caller is to fail. An unknown action
 * is an error of the test, and aborts. */
bool failpoint_hit(enum failpoint point);

#ifdef FAILPOINTS
#define FAILPOINT_PASS(name) ((void)failpoint_hit(FAILPOINT_##name))
#define FAILPOINT_PASS_AT(point) ((void)failpoint_hit(point))
#define FAILPOINT_FAILS(name) failpoint_hit(FAILPOINT_##name)
#else
#define FAILPOINT_PASS(name) ((void)0)
#define FAILPOINT_PASS_AT(point) ((void)(point))
#define FAILPOINT_FAILS(name) false
#endif
