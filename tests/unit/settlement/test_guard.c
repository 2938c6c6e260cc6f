/* The order of a load's steps on fakes, and where each failure leaves it. */
#include "settlement/guard.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"
#include "settlement/guard_job.h"
#include "unit/settlement/quiet.h"

enum { Q_MS = 3000 };

static struct {
    char trace[1024]; /* what was done, in order; repeated words once */
    uint32_t epoch;   /* in MySQL */
    enum sale_control control;
    uint32_t redis_epoch, meta_guard_ms;
    uint32_t above; /* given to the cut */
    enum err close_err, meta_err, drain_err, cut_err, fill_err, open_err, look_err, log_err;
    uint32_t catalogue_busy;   /* times */
    enum guard_step fenced_at; /* the claim is lost at this step; 0: never */
    enum sale_answer look_answer;
    uint32_t looks_to_open; /* looks until the state leaves `loaded`; 0: at once */
    enum guard_step last_step;
    char note[GUARD_NOTE_SIZE_MAX + 1];
    int64_t drained_at_us;
    uint32_t waiting_beats;
    enum err waiting_err;
    bool is_claimed;
    bool taken_over; /* a higher epoch in Redis is of another loader */
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
    world.last_step = progress->step;
    snprintf(world.note, sizeof world.note, "%s", progress->note ? progress->note : "");
    did(guard_step_name(progress->step));
    return ERR_OK;
}

enum err guard_store_beat_waiting(struct mysql_link *link, const char *owner)
{
    (void)link;
    cr_assert_str_eq(owner, "me");
    world.waiting_beats++;
    return world.waiting_err;
}

const char *guard_step_name(enum guard_step step)
{
    static const char *const names[] = {"claimed", "fencing", "waiting", "draining", "cutting",
                                        "loading", "opening", "DONE",    "FAILED"};
    return names[step];
}

enum err guard_store_claim(struct mysql_link *link, struct sale_id sale, const char *owner,
                           uint32_t stale_ms, struct guard_claim *ret_claim)
{
    (void)link;
    (void)owner;
    cr_assert_eq(stale_ms, GUARD_STALE_MS);
    if (world.is_claimed) {
        return ERR_BUSY;
    }
    world.is_claimed = true;
    *ret_claim = (struct guard_claim){.sale = sale, .fence = 5};
    return ERR_OK;
}

enum err mysql_link_begin(struct mysql_link *link)
{
    (void)link;
    return ERR_OK;
}

enum err mysql_link_commit(struct mysql_link *link)
{
    (void)link;
    did("commit");
    return ERR_OK;
}

void mysql_link_rollback(struct mysql_link *link)
{
    (void)link;
    did("rollback");
}

enum err admin_log_put(struct mysql_link *link, const struct admin_actor *actor, const char *action,
                       struct sale_id sale, const char *detail)
{
    (void)link;
    (void)actor;
    (void)sale;
    (void)detail;
    cr_assert_str_eq(action, "load");
    return world.log_err;
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

enum err guard_drain(struct guard_job *job)
{
    did("drain");
    world.drained_at_us = quiet.now_us;
    return world.drain_err == ERR_OK ? ERR_OK : guard_failed(job, world.drain_err, "drain why");
}

enum err guard_fill(struct guard_job *job)
{
    did("fill");
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
static const struct guard_claim claim = {.sale = {7}, .fence = 5};

static void begin(void)
{
    conf.sale_guard_ms = Q_MS;
    quiet.now_us = 1000000;
    world.epoch = 3;
    world.redis_epoch = 3;
    world.meta_guard_ms = Q_MS;
}

TestSuite(guard, .init = begin);

static void must_fail(enum err err, const char *note)
{
    cr_assert_eq(guard_load(&context, &claim), err);
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
        cr_assert_eq(guard_load(&context, &claim), ERR_OK);
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
    cr_assert_eq(guard_load(&context, &claim), ERR_FENCED);
    cr_assert_str_eq(world.trace, "");
}

Test(guard, what_the_next_owner_has_loaded_is_not_closed)
{
    world.redis_epoch = 4;
    world.taken_over = true;
    cr_assert_eq(guard_load(&context, &claim), ERR_FENCED);
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
    cr_assert_eq(guard_load(&context, &claim), ERR_FENCED);
    cr_assert_str_eq(world.trace, "fencing close ");
}

Test(guard, a_claim_lost_at_the_cut_writes_nothing_to_redis)
{
    world.cut_err = ERR_FENCED;
    cr_assert_eq(guard_load(&context, &claim), ERR_FENCED);
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
    must_fail(ERR_CLOSED, "opening was cut short");
}

Test(guard, a_first_load_begins_at_cutting)
{
    world.epoch = 0;
    cr_assert_eq(guard_load(&context, &claim), ERR_OK);
    cr_assert_str_eq(world.trace, "cutting cut fill catalogue request DONE ");
    cr_assert_str_eq(world.note, "");
}

Test(guard, a_later_load_fences_waits_drains_then_cuts)
{
    world.looks_to_open = 2;
    cr_assert_eq(guard_load(&context, &claim), ERR_OK);
    cr_assert_str_eq(world.trace, "fencing close waiting drain cutting cut fill catalogue request "
                                  "opening DONE ");
    cr_assert_geq(world.drained_at_us, 1000000 + Q_MS * 1000, "%d", (int)world.drained_at_us);
}

Test(guard, an_epoch_that_mysql_forgot_is_closed_under_a_claim_that_holds)
{
    world.redis_epoch = 9;
    cr_assert_eq(guard_load(&context, &claim), ERR_OK);
    cr_assert_not_null(strstr(world.trace, "fencing refused fencing close waiting"), "%s",
                       world.trace);
    cr_assert_eq(world.above, 9, "an epoch of Redis is never given again");
}

Test(guard, loads_that_wait_behind_this_one_are_kept_alive)
{
    world.meta_guard_ms = 60000; /* four times as long as a silent claim lasts */
    cr_assert_eq(guard_load(&context, &claim), ERR_OK);
    cr_assert_geq(world.waiting_beats, 60000 / GUARD_BEAT_MS);
    world.waiting_err = ERR_UNAVAILABLE;
    cr_assert_eq(guard_load(&context, &claim), ERR_OK, "their claims are not this load's matter");
}

Test(guard, a_lost_claim_keeps_no_other_alive)
{
    world.fenced_at = GUARD_STEP_FENCING;
    cr_assert_eq(guard_load(&context, &claim), ERR_FENCED);
    cr_assert_eq(world.waiting_beats, 0);
}

Test(guard, the_q_that_the_sale_was_loaded_with_is_waited_for)
{
    world.meta_guard_ms = 2 * Q_MS;
    cr_assert_eq(guard_load(&context, &claim), ERR_OK);
    cr_assert_geq(world.drained_at_us, 1000000 + 2 * Q_MS * 1000);
}

Test(guard, only_a_sale_that_is_to_be_open_is_opened)
{
    static const enum sale_control controls[] = {SALE_CONTROL_PAUSED, SALE_CONTROL_FROZEN,
                                                 SALE_CONTROL_ENDED};

    for (size_t i = 0; i < 3; i++) {
        world.control = controls[i];
        cr_assert_eq(guard_load(&context, &claim), ERR_OK);
    }
    cr_assert_null(strstr(world.trace, "request"));
}

Test(guard, another_writer_of_the_catalogue_is_waited_for)
{
    world.catalogue_busy = 90; /* longer than a dead writer's claim lasts */
    cr_assert_eq(guard_load(&context, &claim), ERR_OK);
}

Test(guard, a_catalogue_that_stays_busy_fails_the_load)
{
    world.catalogue_busy = UINT32_MAX;
    must_fail(ERR_BUSY, "catalogue");
    cr_assert_null(strstr(world.trace, "request"));
}

static enum err claim_sale(uint32_t sale, struct guard_claim *ret_claim)
{
    const struct admin_actor actor = {.name = "admin", .request_id = "r"};

    return guard_claim_sale(&context, (struct sale_id){sale}, &actor, ret_claim);
}

Test(guard, an_unknown_or_busy_sale_is_not_claimed)
{
    struct guard_claim mine;

    cr_assert_eq(claim_sale(8, &mine), ERR_NOT_FOUND);
    cr_assert_eq(claim_sale(7, &mine), ERR_OK);
    cr_assert_eq(mine.fence, 5);
    cr_assert_eq(claim_sale(7, &mine), ERR_BUSY);
}

Test(guard, a_claim_without_its_admin_row_is_given_back)
{
    struct guard_claim mine;

    world.log_err = ERR_UNAVAILABLE;
    cr_assert_eq(claim_sale(7, &mine), ERR_UNAVAILABLE);
    cr_assert_str_eq(world.trace, "rollback FAILED ");
}
