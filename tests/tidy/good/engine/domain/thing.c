#include "domain/thing.h"

#include "common/err.h"

enum thing_kind { THING_ONE, THING_TWO };

/* A word in a comment: strcpy(buffer, text) and { braces }. */
static const char text[] = "sleep(1); switch (x) { default: }";

int thing_count(enum thing_kind kind, int error)
{
    for (int i = 0; i < 3; i++) {
        while (error > i) {
            if (error == i + 1) {
                return (struct thing){.count = 1, .size = sizeof text}.count;
            }
        }
    }
    switch (error) {
    case EINTR: return 1;
    default: break;
    }
    switch (kind) {
    case THING_ONE: return 1;
    case THING_TWO: return 2;
    }
    return 0;
}
