/* seckill-bench: many signed buyers on few threads, honest clocks. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "capacity_command.h"
#include "crew.h"
#include "crowd.h"
#include "monitor.h"
#include "options.h"
#include "report.h"
#include "sale.h"
#include "told_log.h"

enum {
    STATUS_DONE = 0,
    STATUS_ERRORS = 1,
    STATUS_NOT_STARTED = 3,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
    LOOK_MS = 20,
};

struct bench {
    struct options options;
    struct crowd *crowd;
    struct plan *plan;
    struct request_maker maker;
    struct followup followup;
    struct run run;
    struct crew crew;
    struct monitor *monitor; /* owned */
    const char *const *asked;
    int asked_count;
    time_t started_s;
    struct tally measured; /* of all threads */
    struct audit audit;
    struct around around;
    FILE *told_file;          /* owned; NULL: not asked for */
    struct told_list told;    /* for the audit */
    uint64_t accepted_before; /* by those who won before the start */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static int refuse(const char *what)
{
    fprintf(stderr, "seckill-bench: %s\n", what);
    return STATUS_NOT_STARTED;
}

static void sleep_ms(int64_t ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * NS_PER_MS};
    nanosleep(&pause, NULL);
}

/* --- before --- */

static bool raise_descriptors(uint32_t connections)
{
    struct rlimit limit;
    const rlim_t wanted = connections + 64;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
        fprintf(stderr, "seckill-bench: %u connections need %llu descriptors; the limit is %llu\n",
                connections, (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
        return false;
    }
    return true;
}

static bool make_crowd(struct bench *bench)
{
    const struct options *options = &bench->options;
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    const struct crowd_options crowd = {
        .buyers = options->buyers,
        .threads = options->sign_live ? 0
                   : cpus > 0         ? (uint32_t)cpus
                                      : 1,
        .prefix = options->prefix,
        .kid = options->kid,
        .issuer = options->issuer,
        .audience = options->audience,
        .secret = options->secret,
        .secret_size = options->secret_size,
        .issued_s = time(NULL),
        .expires_s = time(NULL) + options->token_life_s,
    };
    bench->crowd = crowd_create(&crowd);
    return bench->crowd != NULL;
}

static int prepare(struct bench *bench)
{
    const struct options *options = &bench->options;
    struct plan_options plan = {
        .buyers = options->buyers,
        .sku_count = options->sku_count,
        .seed = options->seed,
        .keyed = options->keyed,
        .pay = options->pay,
        .cancel = options->cancel,
        .clicks = options->clicks,
        .again_gap = (uint64_t)options->rate * options->again_after_ms / 1000,
    };

    if (!raise_descriptors(options->connections)) {
        return STATUS_NOT_STARTED;
    }
    if (options->mode != MODE_GET && !make_crowd(bench)) {
        return refuse("tokens could not be signed (memory, or a text that is too long)");
    }
    memcpy(plan.shares, options->shares, sizeof plan.shares);
    bench->plan = plan_create(&plan);
    if (!bench->plan) {
        return refuse("no memory for so many buyers");
    }
    if (options->admin && !sale_make(&bench->options)) {
        return STATUS_NOT_STARTED;
    }
    if (!request_maker_init(&bench->maker, options, bench->crowd)) {
        return refuse("requests would be too long");
    }
    if (!followup_init(&bench->followup, options)) {
        return STATUS_NOT_STARTED;
    }
    bench->run.options = options;
    bench->run.followup = options->pay > 0 || options->cancel > 0 ? &bench->followup : NULL;
    bench->run.plan = bench->plan;
    bench->run.maker = &bench->maker;
    bench->monitor = monitor_create(&bench->run);
    if (!bench->monitor) {
        return refuse("no memory for the timeline");
    }
    bench->run.attempts = options->duration_s > 0 && options->profile != PROFILE_SPIKE
                              ? UINT64_MAX
                              : plan_size(bench->plan);
    if (options->profile == PROFILE_SPIKE && bench->run.attempts > SCHEDULE_SPIKE_MAX) {
        return refuse("a spike has at most 10000000 requests");
    }
    return STATUS_DONE;
}

/* --- while it runs --- */

/* Looks on until all is done. */
static void watch(struct bench *bench)
{
    for (bool done = false; !done;) {
        sleep_ms(LOOK_MS);
        done = crew_is_done(&bench->crew);
        monitor_look(bench->monitor, bench->crew.shooters, bench->crew.count, done);
        if (interrupted) {
            atomic_store(&bench->run.stop, true);
        }
    }
}

/* --- after --- */

static bool complain_told(void)
{
    fputs("seckill-bench: what was told could not be kept or written\n", stderr);
    return false;
}

static bool open_told(struct bench *bench)
{
    const char *path = bench->options.told;

    if (!path || !bench->crowd) {
        return true;
    }
    bench->told_file = fopen(path, "w");
    if (!bench->told_file) {
        fprintf(stderr, "seckill-bench: %s: %s\n", path, strerror(errno));
    }
    return bench->told_file != NULL;
}

/* What the crew was told, into the file and the list. */
static bool keep_told(struct bench *bench)
{
    bool good = true;

    if (bench->told_file) {
        good = told_log_write(&bench->crew, bench->crowd, bench->told_file);
    }
    if (bench->options.admin && bench->crowd) {
        good = told_log_add(&bench->crew, bench->crowd, &bench->told) && good;
    }
    return good || complain_told();
}

static bool close_told(struct bench *bench)
{
    const bool good = !bench->told_file || fclose(bench->told_file) == 0;

    bench->told_file = NULL;
    return good || complain_told();
}

static void fill_cpu(const struct bench *bench, struct report *report)
{
    for (uint32_t i = 0; i < bench->options.cpu_count; i++) {
        uint64_t us = 0;
        if (monitor_cpu_us(bench->monitor, i, &us) && report->all.in_window > 0) {
            report->cpu[i] = (struct report_cpu){
                .known = true,
                .us_per_request = (double)us / (double)report->all.in_window,
                .seconds = (double)us / 1e6,
            };
        }
    }
}

static bool write_files(struct bench *bench, const struct report *report)
{
    const struct options *options = &bench->options;
    bool good = true;

    if (options->json) {
        good = report_write_json(report, options->json) && good;
    }
    if (options->html) {
        good = report_write_html(report, options->html) && good;
    }
    return good;
}

static int report(struct bench *bench)
{
    const struct run *run = &bench->run;
    struct report report = {
        .options = &bench->options,
        .measured = &bench->measured,
        .series = monitor_series(bench->monitor),
        .asked = bench->asked,
        .asked_count = bench->asked_count,
        .seconds = (double)(monitor_window_end_ns(bench->monitor) - run->measure_ns) / NS_PER_S,
        .all_seconds = (double)(monitor_done_ns(bench->monitor) - run->start_ns) / NS_PER_S,
        .started_s = bench->started_s,
        .audit = &bench->audit,
        .around = &bench->around,
        .accepted_before = bench->accepted_before,
    };
    bool good = !interrupted;

    for (uint32_t i = 0; i < bench->crew.count; i++) {
        tally_merge(&bench->measured, shooter_tally(bench->crew.shooters[i]));
        tally_look(shooter_tally(bench->crew.shooters[i]), &report.all);
    }
    fill_cpu(bench, &report);
    machine_read(&report.machine);
    good = keep_told(bench) && close_told(bench) && good;
    if (bench->options.admin) {
        sale_check(&bench->options, &bench->told, &bench->audit);
    } else {
        audit_run(bench->options.audit, &bench->audit);
    }
    good = around_end(&bench->around) && good;
    good = (bench->audit.holds || !bench->audit.asked) && good;
    report_print(&report);
    good = write_files(bench, &report) && report_errors(&report) == 0 && good;
    good = !report_oversold(&report) && good;
    return good ? STATUS_DONE : STATUS_ERRORS;
}

/* Every buyer buys once, as fast as that goes; nothing of it is measured. */
static bool win_first(struct bench *bench)
{
    struct options options = bench->options;
    struct run run = {.options = &options,
                      .plan = bench->plan,
                      .maker = &bench->maker,
                      .attempts = plan_size(bench->plan)};
    struct tally_view all = {0};

    options.closed = true;
    options.profile = PROFILE_CONSTANT;
    options.duration_s = options.warmup_s = 0;
    bool good = crew_start(&bench->crew, &run);
    if (good) {
        crew_go(&bench->crew);
    }
    while (good && !crew_is_done(&bench->crew)) {
        sleep_ms(LOOK_MS);
        good = !interrupted;
    }
    crew_end(&bench->crew);
    for (uint32_t i = 0; i < bench->crew.count; i++) {
        tally_look(shooter_tally(bench->crew.shooters[i]), &all);
    }
    good = good && keep_told(bench);
    crew_finish(&bench->crew);
    bench->accepted_before = all.answers[ANSWER_ACCEPTED];
    const uint64_t won = all.answers[ANSWER_ACCEPTED] + all.answers[ANSWER_REPLAYED];
    if (good && won != run.attempts) {
        fprintf(stderr, "seckill-bench: only %" PRIu64 " of %" PRIu64 " won before the start\n",
                won, run.attempts);
    }
    return good && won == run.attempts;
}

static int run(struct bench *bench)
{
    const struct options *options = &bench->options;

    if (!open_told(bench) || (options->win_first && !win_first(bench))
        || !around_begin(options->worker, options->redis, &bench->around)) {
        return STATUS_NOT_STARTED;
    }
    const bool ready = crew_start(&bench->crew, &bench->run);
    if (ready) {
        bench->started_s = time(NULL);
        crew_go(&bench->crew);
        watch(bench);
    }
    crew_end(&bench->crew);
    return ready ? report(bench) : STATUS_NOT_STARTED;
}

int main(int argc, char **argv)
{
    struct bench *bench = calloc(1, sizeof *bench);
    int status = STATUS_NOT_STARTED;

    if (!bench) {
        return refuse("no memory");
    }
    bench->asked = (const char *const *)argv;
    bench->asked_count = argc;
    if (argc > 1 && strcmp(argv[1], "plan") == 0) {
        free(bench);
        return capacity_command(argc - 1, argv + 1);
    }
    if (options_read(argc, argv, &bench->options, &status)) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        status = prepare(bench);
        status = status == STATUS_DONE ? run(bench) : status;
    }
    crew_finish(&bench->crew);
    (void)close_told(bench);
    told_finish(&bench->told);
    monitor_destroy(bench->monitor);
    plan_destroy(bench->plan);
    crowd_destroy(bench->crowd);
    options_finish(&bench->options);
    free(bench);
    return status;
}
