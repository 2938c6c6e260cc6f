#include "inventory/redis_inflight.h"

#include "common/assert.h"
#include "common/slab.h"

bool redis_inflight_init(struct redis_inflight *inflight, uint32_t max)
{
    *inflight = (struct redis_inflight){.commands = slab_create(sizeof(struct redis_command), max)};
    return inflight->commands != NULL;
}

void redis_inflight_finish(struct redis_inflight *inflight)
{
    ASSERT(!inflight->oldest);
    slab_destroy(inflight->commands);
    inflight->commands = NULL;
}

uint32_t redis_inflight_count(const struct redis_inflight *inflight)
{
    return slab_taken_count(inflight->commands);
}

struct redis_command *redis_inflight_take(struct redis_inflight *inflight, redis_reply_fn *done,
                                          void *arg)
{
    struct redis_command *command = slab_take(inflight->commands);

    ASSERT(done != NULL);
    if (command) {
        command->done = done;
        command->arg = arg;
    }
    return command;
}

void redis_inflight_give(struct redis_inflight *inflight, struct redis_command *command)
{
    buf_finish(&command->own);
    slab_give(inflight->commands, command);
}

uint64_t redis_inflight_handle(const struct redis_inflight *inflight,
                               const struct redis_command *command)
{
    return slab_handle(inflight->commands, command);
}

struct redis_command *redis_inflight_resolve(const struct redis_inflight *inflight, uint64_t handle)
{
    return slab_resolve(inflight->commands, handle);
}

static void unlink_command(struct redis_inflight *inflight, struct redis_command *command)
{
    *(command->prev ? &command->prev->next : &inflight->oldest) = command->next;
    *(command->next ? &command->next->prev : &inflight->newest) = command->prev;
    command->next = command->prev = NULL;
}

void redis_inflight_sent(struct redis_inflight *inflight, struct redis_command *command,
                         int64_t now_us)
{
    if (command->prev || inflight->oldest == command) {
        unlink_command(inflight, command);
    }
    command->sent_us = now_us;
    command->prev = inflight->newest;
    *(inflight->newest ? &inflight->newest->next : &inflight->oldest) = command;
    inflight->newest = command;
}

void redis_inflight_end(struct redis_inflight *inflight, struct redis_command *command,
                        enum err status, const struct redis_reply *reply)
{
    redis_reply_fn *done = command->done;
    void *arg = command->arg;

    unlink_command(inflight, command);
    redis_inflight_give(inflight, command);
    done(arg, status, reply);
}
