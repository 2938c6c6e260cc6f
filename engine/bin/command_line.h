/* command_line: what both daemons read from their arguments, and the settings that come of it.
 * Why:    one order for file, environment and --set, one form for errors (FE11).
 * Never:  starts anything; prints a secret.
 * Thread: init. */
#pragma once

#include <stdbool.h>

#include "common/conf.h"

struct command_line {
    const char *program; /* "seckilld"; static */
    const char *summary; /* one line for --help; static */
    enum conf_role role;
    /* What the files must hold that the settings name, beyond conf_check(); may be NULL. ERR_OK, or
     * one line in `error`. */
    enum err (*check)(const struct conf *conf, char error[static CONF_ERROR_SIZE]);
};

/* Fills `conf` from defaults, --config FILE, environment and --set, in this order of weight, and
 * checks it. True: go on. False: the process is to end with `*ret_status`: 0 after --help,
 * --version, --check-config, --print-config, --print-sample, --print-values, --print-metrics; 2
 * after a mistake, told in one line on stderr. */
bool command_line_read(const struct command_line *line, int argc, char **argv, struct conf *conf,
                       int *ret_status);
/* SIGHUP: reads the same again and takes over what may change while running (log.level). A mistake
 * is logged, and nothing changes. */
void command_line_reload(const struct command_line *line, int argc, char **argv);
/* From the settings: "info" and "text" to their enums; starts the log on stderr. */
void command_line_start_log(const struct conf *conf);
