/* assert: what must hold, checked in every build.
 * Why:    a process in an impossible state must stop; the protocol survives its death.
 * Never:  checks input from outside, or a call that may fail.
 * Thread: any. */
#pragma once

#include <assert.h> /* static_assert */

/* Prints file, line, function and the expression to stderr and aborts. */
_Noreturn void assert_failed(const char *file, int line, const char *function, const char *what);

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            assert_failed(__FILE__, __LINE__, __func__, #condition);                               \
        }                                                                                          \
    } while (0)

#define UNREACHABLE() assert_failed(__FILE__, __LINE__, __func__, "unreachable")

#ifdef DEBUG_CHECKS
#define ASSERT_COSTLY(condition) ASSERT(condition)
#else
#define ASSERT_COSTLY(condition) ((void)0)
#endif
