/* The order of a load's steps on fakes, and where each failure leaves it. */
#include "settlement/guard.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "inventory/redis_settings.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"
#include "loop/waiter.h"
#include "settlement/guard_job.h"
#include "unit/settlement/quiet.h"

enum { Q_MS = 3000 };

static struct {
    char trace[1024]; /* what was done, in order; repeated words once */
    uint32_t epoch;   /* in MySQL */
    enum sale_control control;
    uint32_t redis_epoch, meta_guard_ms;
    uint32_t above; /* given to the cut */
    enum err close_err, meta_err, drain_err, cut_err, fill_err, open_err, look_err;
    uint32_t catalogue_busy;   /* times */
    enum guard_step fenced_at; /* the claim is lost at this step; 0: never */
    enum sale_answer look_answer;
    uint32_t looks_to_open; /* looks until the state leaves `loaded`; 0: at once */
    enum guard_step last_step;
    char note[GUARD_NOTE_SIZE_MAX + 1];
    int64_t drained_at_us;
    struct redis_settings settings;
    enum err settings_err, dead_err;
    uint32_t drains_busy; /* times that the drain has to wait */
    uint32_t fills_lost;  /* times that Redis changes under the load */
    uint32_t rows;        /* in admin_log: new steps */
    uint32_t end_fails;   /* times that the end cannot be written */
    bool taken_over;      /* a higher epoch in Redis is of another loader */
} world;

static void did(const char *word)
{
    const size_t used = strlen(world.trace), size = strlen(word);

    if (used >= size + 1 && strncmp(world.trace + used - size - 1, word, size) == 0) {
        return;
    }
    snprintf(world.trace + used, sizeof world.trace - used, "%s ", word);
}

enum err guard_store_progress(struct mysql_link *link, const struct guard_claim *claim,
                              const struct guard_progress *progress)
{
    (void)link;
    cr_assert_eq(claim->fence, 5);
    if (world.fenced_at != 0 && progress->step >= world.fenced_at) {
        return ERR_FENCED;
    }
    if (progress->step >= GUARD_STEP_DONE && world.end_fails > 0) {
        world.end_fails--;
        return ERR_UNAVAILABLE;
    }
    if (progress->actor) {
        cr_assert_str_eq(progress->actor->name, "admin");
        cr_assert_str_eq(progress->action, "load_step");
        world.rows++;
    }
    world.last_step = progress->step;
    snprintf(world.note, sizeof world.note, "%s", progress->note ? progress->note : "");
    did(guard_step_name(progress->step));
    return ERR_OK;
}

const char *guard_step_name(enum guard_step step)
{
    static const char *const names[] = {"claimed", "fencing", "waiting", "draining", "cutting",
                                        "loading", "opening", "DONE",    "FAILED"};
    return names[step];
}

enum err redis_settings_read(struct redis_blocking *redis, struct redis_settings *ret_settings)
{
    (void)redis;
    *ret_settings = world.settings;
    return world.settings_err;
}

enum err sale_store_read(struct mysql_link *link, struct sale_id sale, struct sale_row *ret_row)
{
    (void)link;
    memset(ret_row, 0, sizeof *ret_row);
    ret_row->definition.sale = sale;
    ret_row->definition.epoch = world.epoch;
    ret_row->control = world.control;
    return sale.value == 7 ? ERR_OK : ERR_NOT_FOUND;
}

enum err sale_store_raise_epoch(struct mysql_link *link, const struct guard_claim *claim,
                                uint32_t above, struct sale_row *ret_row)
{
    world.above = above;
    if (world.cut_err != ERR_OK) {
        return world.cut_err;
    }
    did("cut");
    world.epoch++;
    return sale_store_read(link, claim->sale, ret_row);
}

enum err sale_store_request_open(struct mysql_link *link, const struct guard_claim *claim,
                                 uint32_t epoch)
{
    (void)link;
    (void)claim;
    cr_assert_eq(epoch, world.epoch);
    did("request");
    return world.open_err;
}

enum err sale_loader_close_fence(struct redis_blocking *redis, struct sale_id sale,
                                 uint32_t epoch_max, struct sale_reply *ret_reply)
{
    (void)redis;
    (void)sale;
    if (world.close_err == ERR_OK && world.redis_epoch > epoch_max) {
        did("refused");
        ret_reply->head.epoch = world.redis_epoch;
        world.fenced_at = world.taken_over ? GUARD_STEP_FENCING : world.fenced_at;
        return ERR_FENCED;
    }
    did("close");
    ret_reply->head.epoch = world.close_err == ERR_OK ? world.redis_epoch : 0;
    return world.close_err;
}

enum err sale_reader_meta(struct redis_blocking *redis, struct sale_id sale,
                          struct sale_meta *ret_meta)
{
    (void)redis;
    (void)sale;
    memset(ret_meta, 0, sizeof *ret_meta);
    ret_meta->times.guard_ms = world.meta_guard_ms;
    return world.meta_err;
}

enum err sale_reader_look(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                          struct sale_look *ret_look)
{
    (void)redis;
    (void)sale;
    cr_assert_eq(epoch, world.epoch);
    memset(ret_look, 0, sizeof *ret_look);
    ret_look->answer = world.look_answer;
    ret_look->head.state = SALE_STATE_LOADED;
    if (world.looks_to_open == 0) {
        ret_look->head.state = SALE_STATE_OPEN;
    } else {
        world.looks_to_open--;
    }
    return world.look_err;
}

const char *sale_answer_name(enum sale_answer answer)
{
    return answer == SALE_ANSWER_GONE ? "gone" : "other";
}

enum err guard_check_dead(struct guard_job *job)
{
    return world.dead_err == ERR_OK ? ERR_OK : guard_failed(job, world.dead_err, "dead why");
}

enum err guard_drain(struct guard_job *job)
{
    did("drain");
    if (world.drains_busy > 0) {
        world.drains_busy--;
        return ERR_BUSY;
    }
    world.drained_at_us = quiet.now_us;
    return world.drain_err == ERR_OK ? ERR_OK : guard_failed(job, world.drain_err, "drain why");
}

enum err guard_fill(struct guard_job *job)
{
    did("fill");
    if (world.fills_lost > 0) {
        world.fills_lost--;
        return guard_failed(job, ERR_LOST, "fill lost");
    }
    return world.fill_err == ERR_OK ? ERR_OK : guard_failed(job, world.fill_err, "fill why");
}

enum err guard_write_catalogue(const struct guard_context *context)
{
    (void)context;
    did("catalogue");
    return world.catalogue_busy > 0 && world.catalogue_busy-- > 0 ? ERR_BUSY : ERR_OK;
}

static struct conf conf;
static struct guard_context context = {.conf = &conf, .owner = "me"};
static struct guard_shared shared;
static const struct guard_request request = {
    .claim = {.sale = {7}, .fence = 5}, .is_recover = true, .actor = "admin", .request_id = "r"};

static void no_beat(void *arg)
{
    (void)arg;
}

const char *guard_request_action(const struct guard_request *asked)
{
    return asked->is_recover ? "recover" : "load";
}

/* The load of the claim, turn by turn, to its end: what became of it. */
static enum err load(void)
{
    struct guard_job *job = guard_job_create(&context, &shared, &request);

    cr_assert_not_null(job);
    while (!guard_job_turn(job)) {
        (void)waiter_sleep_ms(NULL, GUARD_LOOK_MS);
    }
    const enum err err = job->result;
    guard_job_destroy(job);
    return err;
}

static void begin(void)
{
    conf.sale_guard_ms = Q_MS;
    shared = (struct guard_shared){.beat = no_beat, .job_count = 1};
    quiet.now_us = 1000000;
    world.epoch = 3;
    world.redis_epoch = 3;
    world.meta_guard_ms = Q_MS;
}

TestSuite(guard, .init = begin);

static void must_fail(enum err err, const char *note)
{
    cr_assert_eq(load(), err);
    cr_assert_eq(world.last_step, GUARD_STEP_FAILED);
    cr_assert_not_null(strstr(world.note, note), "%s", world.note);
}

Test(guard, a_fence_that_cannot_be_closed_fails_the_load)
{
    world.close_err = ERR_LOST;
    must_fail(ERR_LOST, "close_fence");
    cr_assert_str_eq(world.trace, "fencing close FAILED ");
}

Test(guard, without_a_meta_the_rest_is_done_all_the_same)
{
    static const enum err errors[] = {ERR_NOT_FOUND, ERR_PARSE};

    for (size_t i = 0; i < 2; i++) {
        world.close_err = world.meta_err = errors[i];
        world.trace[0] = '\0';
        cr_assert_eq(load(), ERR_OK);
        cr_assert_eq(world.above, 0);
        cr_assert_not_null(strstr(world.trace, "close waiting drain cutting cut fill"));
    }
}

Test(guard, a_q_that_cannot_be_read_fails_the_load)
{
    world.meta_err = ERR_LOST;
    must_fail(ERR_LOST, "reading Q");
    cr_assert_null(strstr(world.trace, "drain"));
}

Test(guard, dead_letters_stop_it_before_the_fence)
{
    world.dead_err = ERR_CONFLICT;
    must_fail(ERR_CONFLICT, "dead why");
    cr_assert_str_eq(world.trace, "FAILED ");
}

Test(guard, a_failed_drain_cuts_nothing)
{
    world.drain_err = ERR_TIMEOUT;
    must_fail(ERR_TIMEOUT, "drain why");
    cr_assert_null(strstr(world.trace, "cut"));
}

Test(guard, a_failed_cut_fills_nothing)
{
    world.cut_err = ERR_UNAVAILABLE;
    must_fail(ERR_UNAVAILABLE, "mysql-text");
    cr_assert_null(strstr(world.trace, "fill"));
}

Test(guard, no_epoch_left_is_told)
{
    world.cut_err = ERR_RANGE;
    must_fail(ERR_RANGE, "no epoch is left");
}

Test(guard, a_failed_fill_opens_nothing)
{
    world.fill_err = ERR_FENCED;
    must_fail(ERR_FENCED, "fill why");
    cr_assert_null(strstr(world.trace, "request"));
    cr_assert_null(strstr(world.trace, "catalogue"));
}

Test(guard, a_claim_lost_before_the_fence_touches_nothing)
{
    world.fenced_at = GUARD_STEP_FENCING;
    cr_assert_eq(load(), ERR_FENCED);
    cr_assert_str_eq(world.trace, "");
}

Test(guard, what_the_next_owner_has_loaded_is_not_closed)
{
    world.redis_epoch = 4;
    world.taken_over = true;
    cr_assert_eq(load(), ERR_FENCED);
    cr_assert_str_eq(world.trace, "fencing refused ");
}

Test(guard, an_epoch_of_redis_that_is_none_fails_the_load)
{
    world.close_err = ERR_FENCED;
    must_fail(ERR_FENCED, "close_fence");
    cr_assert_str_eq(world.trace, "fencing close FAILED ");
}

Test(guard, a_claim_lost_while_waiting_stops_the_load)
{
    world.fenced_at = GUARD_STEP_WAITING;
    cr_assert_eq(load(), ERR_FENCED);
    cr_assert_str_eq(world.trace, "fencing close ");
}

Test(guard, a_claim_lost_at_the_cut_writes_nothing_to_redis)
{
    world.cut_err = ERR_FENCED;
    cr_assert_eq(load(), ERR_FENCED);
    cr_assert_null(strstr(world.trace, "fill"));
}

Test(guard, a_stopped_worker_does_not_even_close_the_fence)
{
    quiet.is_stopped = true;
    must_fail(ERR_CLOSED, "stopped");
    cr_assert_str_eq(world.trace, "FAILED ");
}

Test(guard, a_worker_stopped_while_waiting_fails_the_load)
{
    quiet.sleeps_max = 2;
    must_fail(ERR_CLOSED, "stopped");
    cr_assert_null(strstr(world.trace, "drain"));
}

Test(guard, another_history_before_the_opening_is_told)
{
    world.look_answer = SALE_ANSWER_GONE;
    must_fail(ERR_FENCED, "gone");
}

Test(guard, an_opening_that_never_comes_times_out)
{
    world.looks_to_open = UINT32_MAX;
    must_fail(ERR_TIMEOUT, "relay");
}

Test(guard, redis_away_while_opening_is_waited_for_and_times_out)
{
    world.look_err = ERR_UNAVAILABLE;
    must_fail(ERR_TIMEOUT, "relay");
}

Test(guard, a_worker_stopped_while_opening_fails_the_load)
{
    world.epoch = 0;
    world.looks_to_open = UINT32_MAX;
    quiet.sleeps_max = 3;
    must_fail(ERR_CLOSED, "while the sale was being opened");
}

Test(guard, a_first_load_begins_at_cutting)
{
    world.epoch = 0;
    cr_assert_eq(load(), ERR_OK);
    cr_assert_str_eq(world.trace, "cutting cut fill catalogue request opening DONE ");
    cr_assert_str_eq(world.note, "");
}

Test(guard, a_later_load_fences_waits_drains_then_cuts)
{
    world.looks_to_open = 2;
    cr_assert_eq(load(), ERR_OK);
    cr_assert_str_eq(world.trace, "fencing close waiting drain cutting cut fill catalogue request "
                                  "opening DONE ");
    cr_assert_geq(world.drained_at_us, 1000000 + Q_MS * 1000, "%d", (int)world.drained_at_us);
}

Test(guard, an_epoch_that_mysql_forgot_is_closed_under_a_claim_that_holds)
{
    world.redis_epoch = 9;
    cr_assert_eq(load(), ERR_OK);
    cr_assert_not_null(strstr(world.trace, "fencing refused fencing close waiting"), "%s",
                       world.trace);
    cr_assert_eq(world.above, 9, "an epoch of Redis is never given again");
}

Test(guard, the_q_that_the_sale_was_loaded_with_is_waited_for)
{
    world.meta_guard_ms = 2 * Q_MS;
    cr_assert_eq(load(), ERR_OK);
    cr_assert_geq(world.drained_at_us, 1000000 + 2 * Q_MS * 1000);
}

Test(guard, only_a_sale_that_is_to_be_open_is_opened)
{
    static const enum sale_control controls[] = {SALE_CONTROL_PAUSED, SALE_CONTROL_FROZEN,
                                                 SALE_CONTROL_ENDED};

    for (size_t i = 0; i < 3; i++) {
        world.control = controls[i];
        cr_assert_eq(load(), ERR_OK);
    }
    cr_assert_null(strstr(world.trace, "request"));
}

Test(guard, another_writer_of_the_catalogue_is_waited_for)
{
    world.catalogue_busy = 50; /* longer than a dead writer's claim lasts */
    cr_assert_eq(load(), ERR_OK);
}

Test(guard, a_catalogue_that_stays_busy_fails_the_load)
{
    world.catalogue_busy = UINT32_MAX;
    must_fail(ERR_TIMEOUT, "catalogue");
    cr_assert_null(strstr(world.trace, "request"));
}

Test(guard, a_drain_that_waits_is_asked_again_and_a_catalogue_serves_many)
{
    world.drains_busy = 5;
    shared.catalogue_us = INT64_MAX; /* written since, for another load */
    cr_assert_eq(load(), ERR_OK);
    cr_assert_null(strstr(world.trace, "catalogue"));
    cr_assert_not_null(strstr(world.trace, "drain cutting cut"), "%s", world.trace);
}

Test(guard, redis_that_changes_in_mid_load_is_loaded_again_with_a_higher_epoch)
{
    world.fills_lost = 2;
    cr_assert_eq(load(), ERR_OK);
    cr_assert_eq(world.epoch, 6, "cut three times");
    cr_assert_not_null(strstr(world.trace, "fill fencing"), "%s", world.trace);
}

Test(guard, redis_that_goes_on_changing_fails_the_load)
{
    world.fills_lost = UINT32_MAX;
    must_fail(ERR_LOST, "fill lost");
    cr_assert_eq(world.epoch, 6, "three times, not without end");
}

Test(guard, an_end_that_cannot_be_written_is_written_later)
{
    world.end_fails = 3;
    cr_assert_eq(load(), ERR_OK);
    cr_assert_eq(world.last_step, GUARD_STEP_DONE);
}

Test(guard, each_step_leaves_one_row)
{
    world.meta_guard_ms = 60000;
    world.looks_to_open = 20;
    cr_assert_eq(load(), ERR_OK);
    cr_assert_eq(world.rows, 5, "fencing waiting cutting opening DONE; the others are fakes");
}

Test(guard, with_replicas_an_old_primary_is_waited_for)
{
    world.settings =
        (struct redis_settings){.min_replicas_to_write = 1, .min_replicas_max_lag_s = 3};
    cr_assert_eq(load(), ERR_OK);
    cr_assert_geq(world.drained_at_us, 1000000 + (Q_MS + 4000) * 1000);
    world.settings_err = ERR_IO;
    cr_assert_eq(load(), ERR_OK, "settings that cannot be read count as none");
}
