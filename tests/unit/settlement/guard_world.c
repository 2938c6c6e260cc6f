#include "unit/settlement/guard_world.h"

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
#include "settlement/latch.h"
#include "unit/settlement/quiet.h"

struct guard_world world;

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
    const enum err err = world.close_err;
    ret_reply->head.epoch = err == ERR_OK ? world.redis_epoch : 0;
    ret_reply->head.state = world.is_ended ? SALE_STATE_ENDED : SALE_STATE_OPEN;
    ret_reply->was_closed = err == ERR_OK && world.is_closed;
    if (err == ERR_OK || err == ERR_NOT_FOUND || err == ERR_PARSE) {
        world.close_err = ERR_OK;
        world.is_closed = true;
        world.redis_epoch = epoch_max;
    }
    return err;
}

enum err latch_end(struct mysql_link *mysql, struct sale_id sale)
{
    (void)mysql;
    (void)sale;
    did("end");
    world.control = world.end_err == ERR_OK ? SALE_CONTROL_ENDED : world.control;
    return world.end_err;
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

enum err guard_check_outbox(struct guard_job *job)
{
    return world.outbox_err == ERR_OK ? ERR_OK : guard_failed(job, world.outbox_err, "outbox why");
}

enum err guard_drain(struct guard_job *job)
{
    did("drain");
    if (world.drains_busy > 0) {
        world.drains_busy--;
        return ERR_BUSY;
    }
    world.drained_at_us = quiet.now_us;
    if (world.flushes > 0) {
        world.flushes--;
        world.close_err = ERR_NOT_FOUND;
    }
    if (world.zombies > 0) {
        world.zombies--;
        world.is_closed = false;
    }
    return world.drain_err == ERR_OK ? ERR_OK : guard_failed(job, world.drain_err, "drain why");
}

enum err guard_fill(struct guard_job *job)
{
    did("fill");
    world.is_closed = false;
    world.redis_epoch = world.epoch;
    if (world.fills_lost > 0) {
        world.fills_lost--;
        return guard_failed(job, ERR_LOST, "fill lost");
    }
    return world.fill_err == ERR_OK ? ERR_OK : guard_failed(job, world.fill_err, "fill why");
}

enum err guard_write_catalogue(const struct guard_context *context, guard_beat_fn *beat,
                               void *beat_arg)
{
    (void)beat;
    (void)beat_arg;
    (void)context;
    did("catalogue");
    return world.catalogue_busy > 0 && world.catalogue_busy-- > 0 ? ERR_BUSY : ERR_OK;
}

static struct conf conf;
static struct guard_context context = {.conf = &conf, .owner = "me"};
struct guard_shared shared;
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

enum err guard_world_load(void)
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

void guard_world_begin(void)
{
    conf.sale_guard_ms = Q_MS;
    shared = (struct guard_shared){.beat = no_beat, .job_count = 1};
    quiet.now_us = 1000000;
    world.epoch = 3;
    world.redis_epoch = 3;
    world.meta_guard_ms = Q_MS;
}

void guard_world_must_fail(enum err err, const char *note)
{
    cr_assert_eq(guard_world_load(), err);
    cr_assert_eq(world.last_step, GUARD_STEP_FAILED);
    cr_assert_not_null(strstr(world.note, note), "%s", world.note);
}
