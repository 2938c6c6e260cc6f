/* hiredis frees a context by itself when it breaks: every pending callback runs with NULL, and the
 * cleanup hook runs: before them or after them, by its version and the cause. onDisconnect and
 * onConnect do not come in all cases. So the end is the later of the hook and the last callback.
 * The context must not be freed inside onConnect (H6), and while one of its callbacks runs we leave
 * it alone: closing then waits for the end of the turn. */
#include "inventory/redis_channel.h"

#include "common/assert.h"
#include "loop/loop.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static_assert(sizeof(void *) >= sizeof(uint64_t), "a handle travels in hiredis' private data");

enum { WHY_SIZE = 160 };

struct redis_channel {
    struct redis_channel_options options;
    redisAsyncContext *context;           /* hiredis' own; NULL: not open */
    struct loop_watch *reading, *writing; /* owned; NULL: not watched */
    uint32_t pending;                     /* handles sent, whose reply is still to come */
    size_t queued_bytes; /* not more than these are unsent: known again when all are sent */
    bool is_connected;
    bool is_writing;       /* inside redisAsyncHandleWrite() */
    uint32_t depth;        /* callbacks of hiredis that we are inside of */
    bool is_closing;       /* on_deferred() frees the context */
    bool is_ending;        /* hiredis is about to free it: its hook ran */
    bool is_deferred;      /* on_deferred() is due */
    bool wants_flush;      /* on_deferred() writes */
    bool is_destroyed;     /* on_deferred() frees the channel */
    const char *close_why; /* borrowed static text or NULL */
    char why[WHY_SIZE];
};

static void free_channel(struct redis_channel *channel)
{
    free(channel);
}

static void on_deferred(void *arg)
{
    struct redis_channel *channel = arg;

    channel->is_deferred = false;
    if (channel->is_destroyed) {
        free_channel(channel);
    } else if (channel->is_closing && !channel->is_ending && channel->context) {
        redisAsyncFree(channel->context);
    } else if (channel->wants_flush) {
        redis_channel_flush(channel);
    }
}

static void defer(struct redis_channel *channel)
{
    if (!channel->is_deferred) {
        channel->is_deferred = true;
        loop_defer(channel->options.loop, on_deferred, channel);
    }
}

/* --- events --- */

static void on_readable(void *arg, int what)
{
    struct redis_channel *channel = arg;

    (void)what;
    redisAsyncHandleRead(channel->context);
}

static void write_now(struct redis_channel *channel)
{
    channel->is_writing = true;
    redisAsyncHandleWrite(channel->context);
    channel->is_writing = false;
}

static void on_writable(void *arg, int what)
{
    (void)what;
    write_now(arg);
}

static void watch(struct redis_channel *channel, struct loop_watch **place, int what,
                  loop_watch_fn *fn)
{
    if (*place) {
        return;
    }
    *place = loop_watch_create(channel->options.loop, channel->context->c.fd, what, fn, channel);
    if (!*place) {
        /* hiredis is on the stack. */
        channel->close_why = "the event loop refused a descriptor";
        channel->is_closing = true;
        defer(channel);
    }
}

static void unwatch(struct loop_watch **place)
{
    loop_watch_destroy(*place);
    *place = NULL;
}

static void on_add_read(void *arg)
{
    struct redis_channel *channel = arg;

    watch(channel, &channel->reading, LOOP_READ, on_readable);
}

static void on_del_read(void *arg)
{
    unwatch(&((struct redis_channel *)arg)->reading);
}

static void on_add_write(void *arg)
{
    struct redis_channel *channel = arg;

    /* While connecting, writability is the news; in a write, the kernel did not take all. */
    if (channel->is_writing || !channel->is_connected) {
        watch(channel, &channel->writing, LOOP_WRITE, on_writable);
    } else if (!channel->writing) {
        channel->wants_flush = true;
        defer(channel);
    }
}

/* All is written. */
static void on_del_write(void *arg)
{
    struct redis_channel *channel = arg;

    channel->queued_bytes = 0;
    unwatch(&channel->writing);
}

static void end(struct redis_channel *channel)
{
    channel->context = NULL;
    channel->is_connected = channel->is_closing = channel->is_ending = false;
    channel->wants_flush = false;
    channel->queued_bytes = 0;
    channel->close_why = NULL;
    channel->options.on_gone(channel->options.arg, channel->why);
}

static void on_cleanup(void *arg)
{
    struct redis_channel *channel = arg;
    const redisContext *raw = &channel->context->c;
    const char *why = raw->err && raw->errstr[0] ? raw->errstr : channel->close_why;

    (void)snprintf(channel->why, sizeof channel->why, "%s",
                   why ? why : "the connection was closed");
    unwatch(&channel->reading);
    unwatch(&channel->writing);
    channel->is_closing = channel->is_ending = true;
    if (channel->pending == 0) {
        end(channel);
    }
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_channel *channel = context->data;
    int one = 1;

    /* A connection that failed is freed by hiredis right after this: the hook follows. */
    if (status != REDIS_OK || channel->is_closing) {
        return;
    }
    /* Both are niceties: a connection without them works. */
    (void)setsockopt(context->c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(context->c.fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    channel->is_connected = true;
    channel->depth++;
    channel->options.on_connected(channel->options.arg);
    channel->depth--;
}

static void on_reply(redisAsyncContext *context, void *raw, void *data)
{
    struct redis_channel *channel = context->data;

    ASSERT(channel->pending > 0);
    channel->pending--;
    channel->depth++;
    channel->options.on_reply(channel->options.arg, (uint64_t)(uintptr_t)data,
                              channel->is_closing ? NULL : raw);
    channel->depth--;
    if (channel->is_ending && channel->pending == 0) {
        end(channel);
    }
}

/* --- the outside --- */

struct redis_channel *redis_channel_create(const struct redis_channel_options *options)
{
    struct redis_channel *channel = calloc(1, sizeof *channel);

    if (channel) {
        channel->options = *options;
    }
    return channel;
}

void redis_channel_destroy(struct redis_channel *channel)
{
    if (!channel) {
        return;
    }
    ASSERT(channel->depth == 0);
    channel->is_destroyed = true;
    redis_channel_close(channel, "the process closed it");
    if (!channel->is_deferred) {
        free_channel(channel);
    }
}

enum err redis_channel_open(struct redis_channel *channel, const char *address, uint16_t port,
                            const char **ret_why)
{
    redisAsyncContext *context;

    ASSERT(!channel->context);
    context = redisAsyncConnect(address, port);
    if (!context) {
        *ret_why = "no memory for a connection";
        return ERR_NO_MEMORY;
    }
    if (context->err) {
        (void)snprintf(channel->why, sizeof channel->why, "%s", context->errstr);
        *ret_why = channel->why;
        redisAsyncFree(context);
        return ERR_UNAVAILABLE;
    }
    channel->context = context;
    context->data = channel;
    context->ev.data = channel;
    context->ev.addRead = on_add_read;
    context->ev.delRead = on_del_read;
    context->ev.addWrite = on_add_write;
    context->ev.delWrite = on_del_write;
    context->ev.cleanup = on_cleanup;
    /* This asks for writability, so the hooks are set before. */
    (void)redisAsyncSetConnectCallback(context, on_connect);
    return ERR_OK;
}

void redis_channel_close(struct redis_channel *channel, const char *why)
{
    if (!channel->context || channel->is_closing) {
        return;
    }
    channel->close_why = why;
    channel->is_closing = true;
    if (channel->depth > 0 || channel->is_writing) {
        defer(channel);
    } else {
        redisAsyncFree(channel->context);
    }
}

bool redis_channel_is_open(const struct redis_channel *channel)
{
    return channel->context != NULL && !channel->is_closing;
}

bool redis_channel_send(struct redis_channel *channel, const char *data, size_t size,
                        uint64_t handle)
{
    if (!redis_channel_is_open(channel)
        || redisAsyncFormattedCommand(channel->context, on_reply, (void *)(uintptr_t)handle, data,
                                      size)
               != REDIS_OK) {
        return false;
    }
    channel->pending++;
    channel->queued_bytes += size;
    return true;
}

size_t redis_channel_queued_bytes(const struct redis_channel *channel)
{
    return channel->queued_bytes;
}

void redis_channel_flush(struct redis_channel *channel)
{
    if (!channel->wants_flush || channel->depth > 0 || !redis_channel_is_open(channel)) {
        return;
    }
    channel->wants_flush = false;
    write_now(channel);
}
