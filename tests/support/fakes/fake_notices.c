#include "support/fakes/fake_notices.h"

#include <stddef.h>

#include "common/assert.h"

enum err notice_log_append(struct producer *producer, const struct notice *notice,
                           producer_done_fn *done, void *arg)
{
    ASSERT(notice_check(notice) == ERR_OK);
    if (producer->refusal != ERR_OK) {
        return producer->refusal;
    }
    ASSERT(producer->count < FAKE_NOTICES_MAX);
    producer->appends[producer->count++] =
        (struct fake_append){.notice = *notice, .done = done, .arg = arg};
    return ERR_OK;
}

bool producer_is_ready(const struct producer *producer, const char **ret_why)
{
    *ret_why = "a test says so";
    return producer->is_ready;
}

void fake_notices_report(struct producer *producer, uint32_t number, enum err status)
{
    struct fake_append *append = &producer->appends[number];
    producer_done_fn *done = append->done;

    ASSERT(number < producer->count && done != NULL);
    append->done = NULL;
    done(append->arg, status);
}
