/* winner_scan.c
 *
 * state     event                                     next      function
 * IDLE      a wish, and room to run                   SCANNING  begin
 * SCANNING  all buyers were read                      PROVING   on_scanned
 * SCANNING  the link broke, or no memory              WAITING   on_scanned    from the start again
 * WAITING   a while later                             SCANNING  on_timer
 * PROVING   a call sent after the end: same history   IDLE      on_proof      the filter is offered
 * PROVING   the same, another version or epoch        IDLE      on_proof      thrown away
 * PROVING   no such reply for a while                 WAITING   on_timer
 *
 * A job is free when it is IDLE and no wish is open. */
#include "purchase/winner_scan.h"

#include <stdlib.h>

#include "admission/bloom.h"
#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "loop/loop.h"
#include "loop/timer.h"

enum { RETRY_MS = 200, PROOF_POLL_MS = 20, PROOF_MAX_MS = 2000 };

enum job_state { JOB_IDLE, JOB_SCANNING, JOB_WAITING, JOB_PROVING };

struct job {
    enum job_state state;
    struct winner_scan *home; /* borrowed */
    struct scan_wish wish;    /* open while any of its kinds is set */
    struct winners run;       /* being built; its share is owned */
    int64_t scanned_us;       /* when the scan ended */
    struct timer timer;
};

struct winner_scan {
    struct loop *loop;           /* borrowed */
    struct stock *stock;         /* borrowed */
    struct metrics_shard *shard; /* borrowed or NULL */
    uint32_t error_ppm;
    void (*on_winners)(void *arg, const struct winners *winners);
    void *arg;
    uint32_t running_count; /* jobs not IDLE */
    struct job jobs[WINNER_SCAN_SALES_MAX];
};

static void enter(struct job *job, enum job_state state)
{
    struct winner_scan *scan = job->home;

    if ((job->state == JOB_IDLE) != (state == JOB_IDLE)) {
        scan->running_count += state == JOB_IDLE ? -1U : 1U;
    }
    job->state = state;
}

static void drop_run(struct job *job)
{
    bloom_release(job->run.buyers);
    job->run.buyers = NULL;
}

static void on_size(void *arg, uint64_t buyer_count)
{
    struct job *job = arg;

    ASSERT(job->state == JOB_SCANNING && job->run.buyers == NULL);
    /* Buyers who win another sku while the scan runs are read too. */
    job->run.buyers =
        bloom_create(&(struct bloom_options){.expected_keys = buyer_count + buyer_count / 8 + 1024,
                                             .error_ppm = job->home->error_ppm,
                                             .created_us = loop_now_us(job->home->loop)});
}

static void on_buyer(void *arg, const char *buyer, size_t size)
{
    struct job *job = arg;

    if (job->run.buyers != NULL) {
        bloom_add(job->run.buyers, buyer, size);
    }
}

static void wait_and_retry(struct job *job)
{
    drop_run(job);
    enter(job, JOB_WAITING);
    timer_start_ms(&job->timer, RETRY_MS);
}

static void poll_for_proof(struct job *job)
{
    enum err err = stock_poll(job->home->stock, job->run.sale, job->run.epoch);
    (void)err; /* no link: the timer asks again */
    timer_start_ms(&job->timer, PROOF_POLL_MS);
}

static void on_scanned(void *arg, enum err status)
{
    struct job *job = arg;
    struct winner_scan *scan = job->home;

    ASSERT(job->state == JOB_SCANNING);
    if (status != ERR_OK || job->run.buyers == NULL) {
        wait_and_retry(job);
        return;
    }
    job->scanned_us = loop_clock_us(scan->loop);
    enter(job, JOB_PROVING);
    poll_for_proof(job);
}

/* The open wish becomes the run. */
static void begin(struct job *job)
{
    struct winner_scan *scan = job->home;
    const struct buyer_scan reader = {
        .on_size = on_size, .on_buyer = on_buyer, .done = on_scanned, .arg = job};

    ASSERT(no_kinds_any(&job->wish.kinds) && job->run.buyers == NULL);
    job->run = (struct winners){.sale = job->wish.sale,
                                .epoch = job->wish.epoch,
                                .version = job->wish.version,
                                .kinds = job->wish.kinds,
                                .scan_began_us = loop_clock_us(scan->loop)};
    enter(job, JOB_SCANNING);
    if (stock_scan_buyers(scan->stock, job->run.sale, &reader) != ERR_OK) {
        wait_and_retry(job);
        return;
    }
    metrics_add(scan->shard, METRIC_winner_scans_total, 0, 1);
}

static void begin_waiting(struct winner_scan *scan)
{
    for (uint32_t i = 0; i < WINNER_SCAN_SALES_MAX && scan->running_count < WINNER_SCAN_RUNNING_MAX;
         i++) {
        struct job *job = &scan->jobs[i];
        if (job->state == JOB_IDLE && no_kinds_any(&job->wish.kinds)) {
            begin(job);
        }
    }
}

static bool is_same_history(const struct job *job, uint32_t epoch, uint64_t version)
{
    return job->run.epoch == epoch && job->run.version == version;
}

static void offer(struct job *job)
{
    struct winner_scan *scan = job->home;
    struct bloom_measure measure = bloom_measure(job->run.buyers);

    metrics_set(scan->shard, METRIC_bloom_bytes, LABEL_BLOOM_WINNERS,
                (int64_t)bloom_size_bytes(job->run.buyers));
    metrics_set(scan->shard, METRIC_bloom_keys, LABEL_BLOOM_WINNERS,
                (int64_t)bloom_key_count(job->run.buyers));
    metrics_set(scan->shard, METRIC_bloom_fill_ratio, LABEL_BLOOM_WINNERS, measure.fill_ppm / 1000);
    LOG_DEBUG("winners_filter_built", KV_U64("sale", job->run.sale.value),
              KV_U64("buyers", bloom_key_count(job->run.buyers)),
              KV_U64("version", job->run.version));
    scan->on_winners(scan->arg, &job->run);
}

/* The open wish asks for nothing that this run does not give. */
static bool is_wish_met(const struct job *job)
{
    return is_same_history(job, job->wish.epoch, job->wish.version)
           && no_kinds_cover(&job->run.kinds, &job->wish.kinds);
}

static void on_proof(struct job *job, const struct sale_view *view)
{
    timer_stop(&job->timer);
    if (is_wish_met(job)) {
        job->wish.kinds = (struct no_kinds){0};
    }
    if (view->status == SALE_VIEW_OK && is_same_history(job, view->epoch, view->version)) {
        offer(job);
    }
    drop_run(job);
    enter(job, JOB_IDLE);
    begin_waiting(job->home);
}

static void on_timer(void *arg)
{
    struct job *job = arg;
    struct winner_scan *scan = job->home;

    if (job->state == JOB_WAITING) {
        begin(job);
        return;
    }
    ASSERT(job->state == JOB_PROVING);
    if (loop_now_us(scan->loop) - job->scanned_us > (int64_t)PROOF_MAX_MS * 1000) {
        wait_and_retry(job);
        return;
    }
    poll_for_proof(job);
}

static struct job *find_job(struct winner_scan *scan, struct sale_id sale)
{
    for (uint32_t i = 0; i < WINNER_SCAN_SALES_MAX; i++) {
        struct job *job = &scan->jobs[i];
        if (job->wish.sale.value == sale.value
            && (job->state != JOB_IDLE || no_kinds_any(&job->wish.kinds))) {
            return job;
        }
    }
    return NULL;
}

static struct job *free_job(struct winner_scan *scan)
{
    for (uint32_t i = 0; i < WINNER_SCAN_SALES_MAX; i++) {
        struct job *job = &scan->jobs[i];
        if (job->state == JOB_IDLE && !no_kinds_any(&job->wish.kinds)) {
            return job;
        }
    }
    return NULL;
}

static void merge(struct job *job, const struct scan_wish *wish)
{
    if (no_kinds_any(&job->wish.kinds) && job->wish.epoch == wish->epoch
        && job->wish.version == wish->version) {
        job->wish.kinds = no_kinds_union(&job->wish.kinds, &wish->kinds);
    } else {
        job->wish = *wish;
    }
}

void winner_scan_wish(struct winner_scan *scan, const struct scan_wish *wish)
{
    ASSERT(wish->version % 2 == 0 && no_kinds_any(&wish->kinds));
    struct job *job = find_job(scan, wish->sale);
    if (job == NULL) {
        job = free_job(scan);
    }
    if (job == NULL) {
        return;
    }
    merge(job, wish);
    begin_waiting(scan);
}

void winner_scan_see(struct winner_scan *scan, const struct sale_view *view)
{
    if (scan->running_count == 0) {
        return;
    }
    struct job *job = find_job(scan, view->sale);
    if (job != NULL && job->state == JOB_PROVING
        && (view->status != SALE_VIEW_OK || view->sent_us > job->scanned_us)) {
        on_proof(job, view);
    }
}

struct winner_scan *winner_scan_create(const struct winner_scan_options *options)
{
    struct winner_scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        return NULL;
    }
    scan->loop = options->loop;
    scan->stock = options->stock;
    scan->shard = options->shard;
    scan->error_ppm = options->bloom_error_ppm;
    scan->on_winners = options->on_winners;
    scan->arg = options->arg;
    for (uint32_t i = 0; i < WINNER_SCAN_SALES_MAX; i++) {
        scan->jobs[i].home = scan;
        timer_init(&scan->jobs[i].timer, scan->loop, on_timer, &scan->jobs[i]);
    }
    return scan;
}

void winner_scan_destroy(struct winner_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    for (uint32_t i = 0; i < WINNER_SCAN_SALES_MAX; i++) {
        timer_stop(&scan->jobs[i].timer);
        drop_run(&scan->jobs[i]);
    }
    free(scan);
}
