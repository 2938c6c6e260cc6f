/* state       event                      next        function
 * WAITING     retry timer                CONNECTING  start_connecting
 * CONNECTING  connected                  GREETING    on_connected
 * GREETING    all answers good           UP          on_greeted
 * UP          READONLY, LOADING, ...     LEAVING     leave      takes nothing new
 * any         lost, deadline, distrust,  WAITING     on_gone    the one way out
 *             LEAVING and none on its way */
#include "inventory/redis_link.h"

#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/redis_channel.h"
#include "inventory/redis_link_state.h"
#include "inventory/redis_wire.h"
#include "loop/loop.h"

#include <stdio.h>
#include <stdlib.h>

enum { BACKOFF_MIN_MS = 10, BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000, BACKOFF_DOUBLINGS = 6 };
/* Scripts are longer than what a caller may have queued at the lowest setting. */
enum { GREETING_SIZE_MAX = 1024 * 1024 };
enum { REFUSAL_LOG_S = 5 };

/* The first cause of a connection's end is the one that is told. */
static void blame(struct redis_link *link, const char *why)
{
    if (!link->has_trouble) {
        link->has_trouble = true;
        (void)snprintf(link->trouble, sizeof link->trouble, "%s", why);
    }
}

void redis_link_drop(struct redis_link *link, const char *why)
{
    blame(link, why);
    redis_channel_close(link->channel, NULL);
}

void redis_link_distrust(struct redis_link *link, const char *why)
{
    LOG_ERROR("redis_reply_distrusted", KV_STR("why", why));
    redis_link_drop(link, why);
}

static void start_retrying(struct redis_link *link)
{
    uint32_t doublings = link->failures < BACKOFF_DOUBLINGS ? link->failures : BACKOFF_DOUBLINGS;
    uint32_t cap = (uint32_t)BACKOFF_FIRST_MS << doublings;

    cap = cap < BACKOFF_MAX_MS ? cap : BACKOFF_MAX_MS;
    link->failures++;
    timer_start_ms(&link->retry_timer,
                   BACKOFF_MIN_MS + (uint32_t)(loop_random(link->options.loop) % cap));
}

static void on_gone(void *arg, const char *why)
{
    struct redis_link *link = arg;
    bool was_up = link->state == LINK_UP || link->state == LINK_LEAVING;

    ASSERT(!link->inflight.oldest);
    blame(link, why);
    if (!link->was_refused) {
        link->refusal = REDIS_CAUSE_COUNT;
    }
    /* One that comes up and goes at once is no better than one that does not come up. */
    if (was_up
        && loop_clock_us(link->options.loop) - link->up_us > (int64_t)BACKOFF_MAX_MS * 1000) {
        link->failures = 0;
    }
    link->state = LINK_WAITING;
    timer_stop(&link->connect_timer);
    timer_stop(&link->reply_timer);
    metrics_set(link->options.shard, METRIC_redis_connected, 0, 0);
    metrics_add(link->options.shard, METRIC_redis_lost_total, 0, was_up ? 1 : 0);
    if (!link->is_destroyed) {
        if (was_up) {
            LOG_WARN("redis_link_lost", KV_STR("why", link->trouble));
        } else {
            LOG_WARN("redis_link_failed", KV_STR("why", link->trouble));
        }
        start_retrying(link);
    }
    if (was_up && link->options.on_down) {
        link->options.on_down(link->options.arg);
    }
}

static void on_reply_deadline(void *arg)
{
    struct redis_link *link = arg;
    int64_t due_us;

    if (!link->inflight.oldest) {
        return;
    }
    due_us = link->inflight.oldest->sent_us + (int64_t)link->options.reply_timeout_ms * 1000;
    if (loop_clock_us(link->options.loop) < due_us) {
        timer_start_at(&link->reply_timer, due_us);
        return;
    }
    redis_link_drop(link, "Redis did not answer in time");
}

static void note_inflight(const struct redis_link *link)
{
    metrics_set(link->options.shard, METRIC_redis_inflight, 0,
                (int64_t)redis_inflight_count(&link->inflight));
}

static void finish(struct redis_link *link, struct redis_command *command, enum err status,
                   const struct redis_reply *reply)
{
    redis_inflight_end(&link->inflight, command, status, reply);
    note_inflight(link);
    if (link->state == LINK_LEAVING && !link->inflight.oldest) {
        redis_link_drop(link, "");
    }
}

static void note_sent(struct redis_link *link, struct redis_command *command)
{
    redis_inflight_sent(&link->inflight, command, loop_clock_us(link->options.loop));
    note_inflight(link);
    if (!timer_is_running(&link->reply_timer)) {
        timer_start_at(&link->reply_timer,
                       command->sent_us + (int64_t)link->options.reply_timeout_ms * 1000);
    }
}

static bool hand_over(struct redis_link *link, const struct redis_command *command,
                      struct buf *wire)
{
    return redis_channel_send(link->channel, buf_text(wire), wire->size,
                              redis_inflight_handle(&link->inflight, command));
}

enum err redis_link_send_wire(struct redis_link *link, struct buf *wire, redis_reply_fn *done,
                              void *arg, struct redis_command **ret_command)
{
    struct redis_command *command;

    if (wire->failed) {
        return ERR_NO_MEMORY;
    }
    command = redis_inflight_take(&link->inflight, done, arg);
    if (!command) {
        return ERR_BUSY;
    }
    if (!hand_over(link, command, wire)) {
        /* H4: its callback will not run. */
        redis_inflight_give(&link->inflight, command);
        return ERR_UNAVAILABLE;
    }
    note_sent(link, command);
    *ret_command = command;
    return ERR_OK;
}

/* R9: NOSCRIPT proves "not executed", so the text is sent once. */
static bool repeat_as_eval(struct redis_link *link, struct redis_command *command)
{
    const struct redis_link_call *call = &command->call;

    if (!call->script || command->is_repeated) {
        return false;
    }
    buf_clear(&link->scratch);
    script_eval_tail(&link->scratch, call->script, call->bulk_count, call->wire->data + call->tail,
                     call->wire->size - call->tail);
    if (link->scratch.failed || !hand_over(link, command, &link->scratch)) {
        return false;
    }
    command->is_repeated = true;
    note_sent(link, command);
    return true;
}

/* The server will refuse everything: what is on its way is answered, nothing new is taken. */
static void leave(struct redis_link *link, const char *text)
{
    if (link->state == LINK_UP) {
        blame(link, text);
        link->state = LINK_LEAVING;
    }
}

void redis_link_refuse(struct redis_link *link, enum redis_cause cause)
{
    link->refusal = cause;
    link->was_refused = true;
}

/* The link stays: what is asked later finds out whether it is over, and the catalogue is asked for
 * all the time. */
static void note_refusal(struct redis_link *link, enum redis_cause cause, const char *text)
{
    redis_link_refuse(link, cause);
    if (link->state == LINK_UP) {
        (void)snprintf(link->trouble, sizeof link->trouble, "Redis: %s", text);
        LOG_WARN_EVERY(REFUSAL_LOG_S, "redis_refuses", KV_STR("why", link->trouble),
                       KV_STR("next", "mend Redis: selling goes on by itself"));
    }
}

static void note_service(struct redis_link *link)
{
    if (link->refusal != REDIS_CAUSE_COUNT && link->state == LINK_UP) {
        link->refusal = REDIS_CAUSE_COUNT;
        link->was_refused = false;
        link->trouble[0] = '\0';
        LOG_INFO("redis_serves_again", KV_U64("generation", link->generation));
    }
}

static void on_error_reply(struct redis_link *link, struct redis_command *command,
                           const struct redis_reply *reply)
{
    size_t size;
    const char *text = redis_reply_text(reply, &size);
    enum redis_cause cause = redis_cause_of(text, size);

    metrics_add(link->options.shard, METRIC_redis_errors_total, redis_cause_label(cause), 1);
    if (cause == REDIS_CAUSE_NOSCRIPT && repeat_as_eval(link, command)) {
        return;
    }
    if (redis_cause_proves_not_done(cause)) {
        note_refusal(link, cause, text);
    }
    if (redis_cause_ends_link(cause)) {
        leave(link, text);
    }
    finish(link, command, redis_cause_proves_not_done(cause) ? ERR_REFUSED : ERR_IO, reply);
}

static void on_reply(void *arg, uint64_t handle, const struct redis_reply *reply)
{
    struct redis_link *link = arg;
    struct redis_command *command = redis_inflight_resolve(&link->inflight, handle);

    ASSERT(command != NULL);
    if (!reply) {
        finish(link, command, ERR_LOST, NULL);
    } else if (redis_reply_is_error(reply)) {
        on_error_reply(link, command, reply);
    } else {
        /* Reads go on while scripts, which may write, are refused. */
        if (command->call.script) {
            note_service(link);
        }
        finish(link, command, ERR_OK, reply);
    }
}

void redis_link_greeted(struct redis_link *link)
{
    timer_stop(&link->connect_timer);
    link->state = LINK_UP;
    link->generation++;
    link->up_us = loop_clock_us(link->options.loop);
    link->refusal = REDIS_CAUSE_COUNT;
    link->trouble[0] = '\0';
    link->has_trouble = false;
    metrics_set(link->options.shard, METRIC_redis_connected, 0, 1);
    LOG_INFO("redis_link_up", KV_U64("generation", link->generation));
    if (link->options.on_up) {
        link->options.on_up(link->options.arg, link->generation);
    }
}

static void on_connected(void *arg)
{
    struct redis_link *link = arg;

    link->state = LINK_GREETING;
    redis_link_greet(link);
}

static void start_connecting(void *arg)
{
    struct redis_link *link = arg;
    const char *why;

    link->has_trouble = link->was_refused = false;
    if (redis_channel_open(link->channel, link->options.address, link->options.port, &why)
        != ERR_OK) {
        blame(link, why);
        link->refusal = REDIS_CAUSE_COUNT;
        LOG_WARN("redis_link_failed", KV_STR("why", link->trouble));
        start_retrying(link);
        return;
    }
    link->state = LINK_CONNECTING;
    timer_start_ms(&link->connect_timer, link->options.connect_timeout_ms);
}

static void on_connect_deadline(void *arg)
{
    struct redis_link *link = arg;

    redis_link_drop(link, link->state == LINK_CONNECTING
                              ? "Redis did not accept the connection in time"
                              : "Redis did not answer the greeting in time");
}

struct redis_link *redis_link_create(const struct redis_link_options *options)
{
    struct redis_link *link = calloc(1, sizeof *link);

    ASSERT(options->connect_timeout_ms > 0 && options->reply_timeout_ms > 0);
    if (!link) {
        return NULL;
    }
    link->options = *options;
    link->refusal = REDIS_CAUSE_COUNT;
    buf_init(&link->scratch, options->queued_bytes_max + GREETING_SIZE_MAX);
    (void)snprintf(link->trouble, sizeof link->trouble, "not connected yet");
    link->channel = redis_channel_create(
        &(struct redis_channel_options){options->loop, on_connected, on_reply, on_gone, link});
    /* The greeting takes slots of its own: a small cap must not stop it. */
    if (!redis_inflight_init(&link->inflight, options->inflight_max + REDIS_LINK_GREETINGS_MAX)
        || !link->channel) {
        redis_link_destroy(link);
        return NULL;
    }
    timer_init(&link->retry_timer, options->loop, start_connecting, link);
    timer_init(&link->connect_timer, options->loop, on_connect_deadline, link);
    timer_init(&link->reply_timer, options->loop, on_reply_deadline, link);
    timer_start_ms(&link->retry_timer, 0);
    return link;
}

void redis_link_destroy(struct redis_link *link)
{
    if (!link) {
        return;
    }
    loop_assert_owner(link->options.loop);
    link->is_destroyed = true;
    redis_channel_destroy(link->channel);
    timer_stop(&link->retry_timer);
    timer_stop(&link->connect_timer);
    timer_stop(&link->reply_timer);
    redis_inflight_finish(&link->inflight);
    buf_finish(&link->scratch);
    free(link);
}

bool redis_link_is_up(const struct redis_link *link)
{
    return link->state == LINK_UP && redis_channel_is_open(link->channel);
}

uint64_t redis_link_generation(const struct redis_link *link)
{
    return link->generation;
}

const char *redis_link_trouble(const struct redis_link *link)
{
    return link->trouble;
}

enum label_SHED redis_link_shed(const struct redis_link *link)
{
    return link->refusal == REDIS_CAUSE_COUNT ? LABEL_SHED_REDIS_DOWN
                                              : redis_cause_shed(link->refusal);
}

int64_t redis_link_clock_offset_us(const struct redis_link *link)
{
    return link->clock_offset_us;
}

void redis_link_learn_time(struct redis_link *link, int64_t redis_time_ms, int64_t received_us)
{
    link->clock_offset_us = redis_time_ms * 1000 - received_us;
}

uint64_t redis_link_next_id(struct redis_link *link)
{
    return ++link->last_id;
}

static enum err send_up(struct redis_link *link, struct buf *wire, redis_reply_fn *done, void *arg,
                        struct redis_command **ret_command)
{
    loop_assert_owner(link->options.loop);
    if (!redis_link_is_up(link)) {
        return ERR_UNAVAILABLE;
    }
    if (redis_inflight_count(&link->inflight) >= link->options.inflight_max
        || redis_channel_queued_bytes(link->channel) + wire->size
               > link->options.queued_bytes_max) {
        return ERR_BUSY;
    }
    return redis_link_send_wire(link, wire, done, arg, ret_command);
}

enum err redis_link_command(struct redis_link *link, uint32_t argc, const char *const *argv,
                            const size_t *sizes, redis_reply_fn *done, void *arg)
{
    struct redis_command *command;

    buf_clear(&link->scratch);
    redis_wire_command(&link->scratch, argc, argv, sizes);
    return send_up(link, &link->scratch, done, arg, &command);
}

enum err redis_link_script(struct redis_link *link, const struct lua_script *script,
                           uint32_t key_count, uint32_t argc, const char *const *argv,
                           const size_t *sizes, redis_reply_fn *done, void *arg)
{
    struct redis_command *command;
    struct buf wire;
    size_t tail;
    enum err err;

    buf_init(&wire, link->options.queued_bytes_max);
    tail = script_evalsha(&wire, script, key_count, argc, argv, sizes);
    err = send_up(link, &wire, done, arg, &command);
    if (err != ERR_OK) {
        buf_finish(&wire);
        return err;
    }
    command->own = wire;
    command->call = (struct redis_link_call){script, &command->own, tail, argc + 1};
    return ERR_OK;
}

enum err redis_link_send(struct redis_link *link, const struct redis_link_call *call,
                         redis_reply_fn *done, void *arg)
{
    struct redis_command *command;
    enum err err = send_up(link, call->wire, done, arg, &command);

    ASSERT(call->script && call->tail < call->wire->size);
    if (err == ERR_OK) {
        command->call = *call;
    }
    return err;
}

void redis_link_flush(struct redis_link *link)
{
    redis_channel_flush(link->channel);
}
