#include "unit/settlement/fake_guard_job.h"

#include <stdarg.h>
#include <stdio.h>

#include "loop/waiter.h"
#include "settlement/guard_job.h"

struct fake_guard_job fake_guard_job;

enum err guard_beat(struct guard_job *job, enum guard_step step, uint64_t done, uint64_t expected)
{
    (void)job;
    fake_guard_job.beats++;
    fake_guard_job.step = step;
    fake_guard_job.done = done;
    fake_guard_job.expected = expected;
    return fake_guard_job.fenced_at > 0 && fake_guard_job.beats >= fake_guard_job.fenced_at
               ? ERR_FENCED
               : ERR_OK;
}

enum err guard_failed(struct guard_job *job, enum err err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(job->note, sizeof job->note, format, arguments);
    va_end(arguments);
    return err;
}

enum err guard_failed_by_mysql(struct guard_job *job, enum err err, const char *what)
{
    return guard_failed(job, err, "MySQL: %s", what);
}

enum err guard_failed_by_redis(struct guard_job *job, enum err err, const char *what)
{
    return guard_failed(job, err, "Redis: %s", what);
}

bool guard_is_stopped(struct guard_job *job)
{
    if (!waiter_is_stopped(job->context->waiter)) {
        return false;
    }
    (void)guard_failed(job, ERR_CLOSED, "stopped");
    return true;
}
