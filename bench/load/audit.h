/* audit: the verdict of the command that --audit names, run when the load is over.
 * Why:    a fast sale that does not add up is no result: the page says both.
 * Never:  audits itself; takes an audit that could not be made for one that holds.
 * Thread: the first. */
#pragma once

#include <stdbool.h>

enum { AUDIT_TEXT_SIZE = 8192 };

struct audit {
    bool asked;
    bool holds;                 /* the command ended with status 0 */
    int status;                 /* 128 + the signal that ended it; -1: it could not be run */
    char text[AUDIT_TEXT_SIZE]; /* what it printed, cut at a line's end */
};

/* Runs `command` by the shell, as the caller would; prints what it prints. NULL: not asked. */
void audit_run(const char *command, struct audit *ret_audit);
