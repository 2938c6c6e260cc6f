/* seckill-bench: many signed buyers on few threads, honest clocks. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "capacity_command.h"
#include "crowd.h"
#include "monitor.h"
#include "options.h"
#include "report.h"
#include "shooter.h"

enum {
    STATUS_DONE = 0,
    STATUS_ERRORS = 1,
    STATUS_NOT_STARTED = 3,
    THREADS_MAX = 64,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
    LEAD_MS = 100, /* between `go` and the first attempt */
    LOOK_MS = 20,
};

struct bench {
    struct options options;
    struct crowd *crowd;
    struct plan *plan;
    struct request_maker maker;
    struct run run;
    struct shooter *shooters[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    uint32_t started;
    struct monitor *monitor; /* owned */
    const char *const *asked;
    int asked_count;
    time_t started_s;
    struct tally measured; /* of all threads */
    struct audit audit;
    struct around around;
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
    if (!request_maker_init(&bench->maker, options, bench->crowd)) {
        return refuse("requests would be too long");
    }
    bench->run.options = options;
    bench->run.plan = bench->plan;
    bench->run.maker = &bench->maker;
    bench->monitor = monitor_create(&bench->run);
    if (!bench->monitor) {
        return refuse("no memory for the timeline");
    }
    if (!around_begin(options->worker, options->redis, &bench->around)) {
        return STATUS_NOT_STARTED;
    }
    bench->run.attempts = options->duration_s > 0 && options->profile != PROFILE_SPIKE
                              ? UINT64_MAX
                              : plan_size(bench->plan);
    if (options->profile == PROFILE_SPIKE && bench->run.attempts > SCHEDULE_SPIKE_MAX) {
        return refuse("a spike has at most 10000000 requests");
    }
    return STATUS_DONE;
}

/* Threads up to the one that failed; false: one failed. */
static bool start_threads(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->options.threads; i++) {
        bench->shooters[i] = shooter_create(&bench->run, i);
        if (!bench->shooters[i]
            || pthread_create(&bench->threads[i], NULL, shooter_run, bench->shooters[i]) != 0) {
            (void)refuse("no memory for a thread");
            return false;
        }
        bench->started++;
    }
    return true;
}

static bool wait_ready(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->started;) {
        switch (shooter_phase(bench->shooters[i])) {
        case SHOOTER_OPENING: sleep_ms(1); break;
        case SHOOTER_FAILED: (void)refuse(shooter_trouble(bench->shooters[i])); return false;
        case SHOOTER_READY:
        case SHOOTER_RUNNING:
        case SHOOTER_DONE: i++; break;
        }
    }
    return true;
}

/* --- while it runs --- */

static bool is_done(const struct bench *bench)
{
    for (uint32_t i = 0; i < bench->started; i++) {
        if (shooter_phase(bench->shooters[i]) != SHOOTER_DONE) {
            return false;
        }
    }
    return true;
}

static void go(struct bench *bench)
{
    const struct options *options = &bench->options;
    struct run *run = &bench->run;

    run->start_ns = shooter_now_ns() + (int64_t)LEAD_MS * NS_PER_MS;
    run->measure_ns = run->start_ns + (int64_t)(options->warmup_s * NS_PER_S);
    run->end_ns = options->duration_s > 0
                      ? run->start_ns + (int64_t)(options->duration_s * NS_PER_S)
                      : INT64_MAX;
    bench->started_s = time(NULL);
    atomic_store(&run->go, true);
}

/* Looks on until all is done. */
static void watch(struct bench *bench)
{
    for (bool done = false; !done;) {
        sleep_ms(LOOK_MS);
        done = is_done(bench);
        monitor_look(bench->monitor, bench->shooters, bench->started, done);
        if (interrupted) {
            atomic_store(&bench->run.stop, true);
        }
    }
}

/* --- after --- */

static bool write_told(struct bench *bench)
{
    const char *path = bench->options.told;
    char name[CROWD_NAME_SIZE];
    FILE *file = fopen(path, "w");
    bool good = file != NULL;

    for (uint32_t i = 0; good && i < bench->started; i++) {
        const struct tally *tally = shooter_tally(bench->shooters[i]);
        for (size_t r = 0; r < tally->record_count; r++) {
            const struct tally_record *record = &tally->records[r];
            const char *code = answer_code((enum answer)record->answer);
            crowd_name(bench->crowd, record->buyer, name);
            if (record->order_no) {
                fprintf(file, "%s %s %" PRIu64 "\n", code, name, record->order_no);
            } else {
                fprintf(file, "%s %s -\n", code, name);
            }
        }
        good = !tally->records_lost;
    }
    if (file) {
        good = !ferror(file) && good;
        good = fclose(file) == 0 && good;
    }
    if (!good) {
        fprintf(stderr, "seckill-bench: what was told could not be written to %s\n", path);
    }
    return good;
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
    };
    bool good = !interrupted;

    for (uint32_t i = 0; i < bench->started; i++) {
        tally_merge(&bench->measured, shooter_tally(bench->shooters[i]));
        tally_look(shooter_tally(bench->shooters[i]), &report.all);
    }
    fill_cpu(bench, &report);
    machine_read(&report.machine);
    if (bench->options.told && bench->crowd) {
        good = write_told(bench) && good;
    }
    audit_run(bench->options.audit, &bench->audit);
    good = around_end(&bench->around) && good;
    good = (bench->audit.holds || !bench->audit.asked) && good;
    report_print(&report);
    good = write_files(bench, &report) && report_errors(&report) == 0 && good;
    good = !report_oversold(&report) && good;
    return good ? STATUS_DONE : STATUS_ERRORS;
}

static int run(struct bench *bench)
{
    int status = STATUS_NOT_STARTED;
    const bool ready = start_threads(bench) && wait_ready(bench);

    if (ready) {
        go(bench);
        watch(bench);
        status = STATUS_DONE;
    }
    atomic_store(&bench->run.stop, true);
    for (uint32_t i = 0; i < bench->started; i++) {
        pthread_join(bench->threads[i], NULL);
    }
    return status == STATUS_DONE ? report(bench) : status;
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
    for (uint32_t i = 0; i < THREADS_MAX; i++) {
        shooter_destroy(bench->shooters[i]);
    }
    monitor_destroy(bench->monitor);
    plan_destroy(bench->plan);
    crowd_destroy(bench->crowd);
    options_finish(&bench->options);
    free(bench);
    return status;
}
