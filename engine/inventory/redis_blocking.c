#include "inventory/redis_blocking.h"

#include "common/assert.h"
#include "common/buf.h"
#include "common/log.h"
#include "inventory/redis_handshake.h"
#include "inventory/redis_wire.h"
#include "inventory/script.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* A catalogue of 3,000 sales fits. */
enum { COMMAND_SIZE_MAX = 64 * 1024 * 1024, COMMAND_SIZE_KEPT = 1024 * 1024 };

struct redis_blocking {
    struct redis_blocking_options options;
    redisContext *context; /* owned; NULL: not connected */
    uint64_t generation, last_id;
    struct buf scratch; /* owned; the command being built */
    char trouble[REDIS_TROUBLE_SIZE];
};

static struct timeval time_of(uint32_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

void redis_blocking_blame(struct redis_blocking *redis, const char *why)
{
    (void)snprintf(redis->trouble, sizeof redis->trouble, "%s", why);
}

struct redis_blocking *redis_blocking_create(const struct redis_blocking_options *options)
{
    struct redis_blocking *redis = calloc(1, sizeof *redis);

    ASSERT(options->connect_timeout_ms > 0 && options->reply_timeout_ms > 0);
    if (redis) {
        redis->options = *options;
        buf_init(&redis->scratch, COMMAND_SIZE_MAX);
    }
    return redis;
}

void redis_blocking_destroy(struct redis_blocking *redis)
{
    if (redis) {
        redis_blocking_drop(redis);
        buf_finish(&redis->scratch);
        free(redis);
    }
}

void redis_blocking_drop(struct redis_blocking *redis)
{
    if (redis->context) {
        redisFree(redis->context);
        redis->context = NULL;
    }
}

void redis_blocking_distrust(struct redis_blocking *redis, const char *why)
{
    LOG_ERROR("redis_reply_distrusted", KV_STR("why", why));
    redis_blocking_drop(redis);
    redis_blocking_blame(redis, why);
}

uint64_t redis_blocking_generation(const struct redis_blocking *redis)
{
    return redis->generation;
}

const char *redis_blocking_trouble(const struct redis_blocking *redis)
{
    return redis->trouble;
}

uint64_t redis_blocking_next_id(struct redis_blocking *redis)
{
    return ++redis->last_id;
}

/* Hands the bytes over, to be sent with the wait for a reply. */
static enum err hand_over(struct redis_blocking *redis, const struct buf *commands)
{
    if (commands->failed
        || redisAppendFormattedCommand(redis->context, commands->data, commands->size)
               != REDIS_OK) {
        redis_blocking_drop(redis);
        redis_blocking_blame(redis, "the command does not fit into memory");
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* After a failure the connection is of no use: its next reply could be this one's. */
static enum err take_reply(struct redis_blocking *redis, struct redis_reply **ret_reply)
{
    void *reply = NULL;

    if (redisGetReply(redis->context, &reply) != REDIS_OK || !reply) {
        redis_blocking_blame(redis, redis->context->err == REDIS_ERR_IO
                                        ? "Redis did not answer in time, or the connection broke"
                                        : redis->context->errstr);
        redis_blocking_drop(redis);
        return ERR_LOST;
    }
    *ret_reply = reply;
    return ERR_OK;
}

/* Sends what is in `scratch` and waits for one reply. */
static enum err exchange(struct redis_blocking *redis, struct redis_reply **ret_reply)
{
    const enum err err = hand_over(redis, &redis->scratch);

    return err == ERR_OK ? take_reply(redis, ret_reply) : err;
}

static bool greet(struct redis_blocking *redis)
{
    const struct redis_login login = {redis->options.user, redis->options.password,
                                      redis->options.client_name};

    for (enum redis_greeting step = 0; step < REDIS_GREETING_COUNT; step++) {
        struct redis_reply *reply;
        bool good;

        buf_clear(&redis->scratch);
        if (!redis_handshake_command(step, &login, &redis->scratch)) {
            continue;
        }
        if (exchange(redis, &reply) != ERR_OK) {
            return false;
        }
        good = redis_handshake_judge(step, reply, redis->trouble);
        redis_reply_free(reply);
        if (!good) {
            return false;
        }
    }
    return true;
}

/* Nothing is awaited between calls: what can be read then is the connection's end. */
static bool is_stale(const struct redis_blocking *redis)
{
    struct pollfd look = {.fd = redis->context->fd, .events = POLLIN};

    return poll(&look, 1, 0) != 0;
}

enum err redis_blocking_connect(struct redis_blocking *redis)
{
    int one = 1;

    if (redis->context && is_stale(redis)) {
        redis_blocking_drop(redis);
    }
    if (redis->context) {
        return ERR_OK;
    }
    redis->context = redisConnectWithTimeout(redis->options.address, redis->options.port,
                                             time_of(redis->options.connect_timeout_ms));
    if (!redis->context || redis->context->err) {
        redis_blocking_blame(redis, redis->context ? redis->context->errstr : "no memory");
        redis_blocking_drop(redis);
        return ERR_UNAVAILABLE;
    }
    (void)setsockopt(redis->context->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (redisSetTimeout(redis->context, time_of(redis->options.reply_timeout_ms)) != REDIS_OK
        || !greet(redis)) {
        redis_blocking_drop(redis);
        return ERR_UNAVAILABLE;
    }
    redis->generation++;
    redis->trouble[0] = '\0';
    return ERR_OK;
}

/* An error reply becomes an error; `*ret_cause` is set then. */
static enum err judge(struct redis_blocking *redis, struct redis_reply *reply,
                      enum redis_cause *ret_cause)
{
    const char *text;
    size_t size;

    if (!redis_reply_is_error(reply)) {
        return ERR_OK;
    }
    text = redis_reply_text(reply, &size);
    redis_blocking_blame(redis, text);
    *ret_cause = redis_cause_of(text, size);
    redis_reply_free(reply);
    if (redis_cause_ends_link(*ret_cause)) {
        redis_blocking_drop(redis);
    }
    return redis_cause_proves_not_done(*ret_cause) ? ERR_REFUSED : ERR_IO;
}

/* Big commands are rare: their memory is not kept. */
static void clear_scratch(struct redis_blocking *redis)
{
    if (redis->scratch.capacity > COMMAND_SIZE_KEPT) {
        buf_finish(&redis->scratch);
        buf_init(&redis->scratch, COMMAND_SIZE_MAX);
    }
    buf_clear(&redis->scratch);
}

enum err redis_blocking_command(struct redis_blocking *redis, uint32_t argc,
                                const char *const *argv, const size_t *sizes,
                                struct redis_reply **ret_reply)
{
    enum err err = redis_blocking_connect(redis);
    struct redis_reply *reply;
    enum redis_cause cause;

    if (err != ERR_OK) {
        return err;
    }
    clear_scratch(redis);
    redis_wire_command(&redis->scratch, argc, argv, sizes);
    err = exchange(redis, &reply);
    if (err == ERR_OK) {
        err = judge(redis, reply, &cause);
    }
    if (err == ERR_OK) {
        *ret_reply = reply;
    }
    return err;
}

enum err redis_blocking_many(struct redis_blocking *redis, const struct buf *commands,
                             uint32_t count, redis_blocking_each_fn *each, void *arg)
{
    enum err err = redis_blocking_connect(redis);

    err = err == ERR_OK ? hand_over(redis, commands) : err;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        struct redis_reply *reply = NULL;
        err = take_reply(redis, &reply);
        if (err != ERR_OK) {
            return err;
        }
        err = each(arg, i, reply);
        redis_reply_free(reply);
        if (err != ERR_OK) {
            redis_blocking_drop(redis); /* replies are still on their way */
        }
    }
    return err;
}

/* NOSCRIPT proves "not executed": the text is sent in its place, once (R9). */
static enum err exchange_script(struct redis_blocking *redis, const struct lua_script *script,
                                size_t tail, uint32_t bulk_count, struct redis_reply **ret_reply)
{
    enum redis_cause cause = REDIS_CAUSE_OTHER;
    struct redis_reply *reply;
    struct buf evalsha;
    enum err err = exchange(redis, &reply);

    if (err == ERR_OK) {
        err = judge(redis, reply, &cause);
    }
    if (err == ERR_REFUSED && cause == REDIS_CAUSE_NOSCRIPT) {
        evalsha = redis->scratch;
        buf_init(&redis->scratch, COMMAND_SIZE_MAX);
        script_eval_tail(&redis->scratch, script, bulk_count, evalsha.data + tail,
                         evalsha.size - tail);
        buf_finish(&evalsha);
        err = exchange(redis, &reply);
        if (err == ERR_OK) {
            err = judge(redis, reply, &cause);
        }
    }
    if (err == ERR_OK) {
        redis->trouble[0] = '\0'; /* NOSCRIPT was none */
        *ret_reply = reply;
    }
    return err;
}

enum err redis_blocking_script(struct redis_blocking *redis, const struct lua_script *script,
                               uint32_t key_count, uint32_t argc, const char *const *argv,
                               const size_t *sizes, struct redis_reply **ret_reply)
{
    enum err err = redis_blocking_connect(redis);
    size_t tail;

    if (err != ERR_OK) {
        return err;
    }
    clear_scratch(redis);
    tail = script_evalsha(&redis->scratch, script, key_count, argc, argv, sizes);
    return exchange_script(redis, script, tail, argc + 1, ret_reply);
}
