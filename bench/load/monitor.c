#include "monitor.h"

#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "live.h"

enum {
    NS_PER_S = 1000000000,
    LINE_WAIT_NS = 100000000, /* an idle thread hands its second over within a sweep */
};

struct monitor {
    const struct run *run;
    struct series *series; /* owned */
    uint64_t begin_us[OPTIONS_CPUS_MAX], end_us[OPTIONS_CPUS_MAX], last_us[OPTIONS_CPUS_MAX];
    bool ended_early[OPTIONS_CPUS_MAX]; /* a process did: its group's times are worth nothing */
    bool started, begun, ended;         /* the run, the measured time */
    uint32_t read_seconds, told_seconds;
    int64_t window_end_ns, done_ns;
};

struct monitor *monitor_create(const struct run *run)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);

    if (monitor) {
        monitor->run = run;
        monitor->series = series_create();
    }
    if (monitor && !monitor->series) {
        monitor_destroy(monitor);
        return NULL;
    }
    return monitor;
}

void monitor_destroy(struct monitor *monitor)
{
    if (monitor) {
        series_destroy(monitor->series);
        free(monitor);
    }
}

static void read_cpu(struct monitor *monitor, uint64_t totals_us[OPTIONS_CPUS_MAX])
{
    const struct options *options = monitor->run->options;

    for (uint32_t i = 0; i < options->cpu_count; i++) {
        const struct cpu_group *group = &options->cpus[i];
        totals_us[i] = 0;
        for (uint32_t p = 0; p < group->pid_count; p++) {
            uint64_t us = 0;
            monitor->ended_early[i] =
                !cpu_of_process(group->pids[p], &us) || monitor->ended_early[i];
            totals_us[i] += us;
        }
    }
}

/* What was used since the last call goes to `second`. */
static void add_cpu(struct monitor *monitor, uint32_t second)
{
    uint64_t now_us[OPTIONS_CPUS_MAX] = {0};

    read_cpu(monitor, now_us);
    for (uint32_t i = 0; i < monitor->run->options->cpu_count; i++) {
        if (!monitor->ended_early[i]) {
            series_add_cpu(monitor->series, second, i, now_us[i] - monitor->last_us[i]);
        }
    }
    memcpy(monitor->last_us, now_us, sizeof now_us);
}

/* CPU times at both ends of the measured time. */
static void look_at_window(struct monitor *monitor, int64_t now_ns, bool done)
{
    const struct run *run = monitor->run;

    if (!monitor->begun && now_ns >= run->measure_ns) {
        read_cpu(monitor, monitor->begin_us);
        monitor->begun = true;
    }
    if (monitor->begun && !monitor->ended && (done || now_ns >= run->end_ns)) {
        read_cpu(monitor, monitor->end_us);
        monitor->window_end_ns = now_ns;
        monitor->ended = true;
    }
    if (done && !monitor->ended) {
        monitor->window_end_ns = now_ns;
    }
}

static void look_at_second(struct monitor *monitor, int64_t now_ns, bool done)
{
    const int64_t since_ns = now_ns - monitor->run->start_ns;
    const uint32_t second = since_ns > 0 ? (uint32_t)(since_ns / NS_PER_S) : 0;

    if (done || second > monitor->read_seconds) {
        add_cpu(monitor, done ? second : second - 1);
        monitor->read_seconds = second;
    }
    if (!done && since_ns >= (monitor->told_seconds + 1) * (int64_t)NS_PER_S + LINE_WAIT_NS) {
        monitor->told_seconds = second;
        if (!monitor->run->options->quiet) {
            live_print(second, series_latest(monitor->series));
        }
        series_begin_latest(monitor->series);
    }
}

void monitor_look(struct monitor *monitor, struct shooter *const shooters[], uint32_t count,
                  bool done)
{
    const int64_t now_ns = shooter_now_ns();

    if (!monitor->started && now_ns >= monitor->run->start_ns) {
        read_cpu(monitor, monitor->last_us);
        monitor->started = true;
    }
    for (uint32_t i = 0; i < count; i++) {
        series_collect(monitor->series, shooter_timeline(shooters[i]));
    }
    look_at_window(monitor, now_ns, done);
    if (monitor->started) {
        look_at_second(monitor, now_ns, done);
    }
    monitor->done_ns = now_ns;
}

const struct series *monitor_series(const struct monitor *monitor)
{
    return monitor->series;
}

bool monitor_cpu_us(const struct monitor *monitor, uint32_t group, uint64_t *ret_us)
{
    if (!monitor->ended || monitor->ended_early[group]) {
        return false;
    }
    *ret_us = monitor->end_us[group] - monitor->begin_us[group];
    return true;
}

int64_t monitor_window_end_ns(const struct monitor *monitor)
{
    return monitor->window_end_ns;
}

int64_t monitor_done_ns(const struct monitor *monitor)
{
    return monitor->done_ns;
}
