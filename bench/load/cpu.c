#include "cpu.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STAT_SIZE = 1024, US_PER_S = 1000000 };

bool cpu_parse(const char *stat, long ticks, uint64_t *ret_us)
{
    const char *rest = strrchr(stat, ')');
    unsigned long long user = 0, kernel = 0;

    /* state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime */
    if (!rest || ticks < 1
        || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                  &kernel)
               != 2) {
        return false;
    }
    *ret_us = (user + kernel) * (US_PER_S / (unsigned long long)ticks);
    return true;
}

bool cpu_of_process(int pid, uint64_t *ret_us)
{
    char path[64], text[STAT_SIZE];

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) {
        return false;
    }
    const size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    return cpu_parse(text, sysconf(_SC_CLK_TCK), ret_us);
}
