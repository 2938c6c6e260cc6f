/* report: the results, as text and as JSON.
 * Why:    a person and a script read the same numbers.
 * Never:  computes anything but rates and shares.
 * Thread: the first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "tally.h"

struct report {
    const struct options *options; /* borrowed */
    const struct tally *measured;  /* borrowed; merged */
    struct tally_view all;         /* of the whole run */
    double seconds;                /* measured */
    double all_seconds;
    struct {
        bool known;
        double us_per_request;
        double seconds; /* of CPU */
    } cpu[OPTIONS_CPUS_MAX];
};

void report_print(const struct report *report);
bool report_write_json(const struct report *report, const char *path); /* false: told on stderr */
/* The line of one second; `before` is the view a second ago. */
void report_live(uint32_t second, const struct tally_view *now, const struct tally_view *before);
/* Requests that went wrong, in the whole run. */
uint64_t report_errors(const struct report *report);
