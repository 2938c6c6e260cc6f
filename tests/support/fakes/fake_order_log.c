#include "support/fakes/fake_order_log.h"

#include <stdlib.h>

#include "common/assert.h"

struct order_log *fake_order_log_create(void)
{
    struct order_log *log = calloc(1, sizeof *log);

    ASSERT(log != NULL);
    log->room = FAKE_ORDER_LOG_MAX;
    return log;
}

void fake_order_log_destroy(struct order_log *log)
{
    free(log);
}

void fake_order_log_report(struct order_log *log, uint32_t append, enum err status)
{
    ASSERT(append < log->append_count);
    order_log_done_fn *done = log->appends[append].done;

    ASSERT(done != NULL);
    log->appends[append].done = NULL;
    done(log->appends[append].arg, status);
}

/* journal/order_log.h */

enum err order_log_append(struct order_log *log, const struct order_record *record,
                          order_log_done_fn *done, void *arg)
{
    if (log->append_error != ERR_OK) {
        return log->append_error;
    }
    if (log->room == 0) {
        return ERR_BUSY;
    }
    ASSERT(log->append_count < FAKE_ORDER_LOG_MAX);
    ASSERT(order_record_check(record) == ERR_OK);
    log->room--;
    log->appends[log->append_count++] =
        (struct fake_append){.record = *record, .done = done, .arg = arg};
    return ERR_OK;
}

bool order_log_is_ready(const struct order_log *log, const char **ret_why)
{
    *ret_why = log->is_unready ? "the test says so" : "";
    return !log->is_unready;
}

int64_t order_log_oldest_us(const struct order_log *log)
{
    return log->oldest_us;
}

bool order_log_is_doubted(const struct order_log *log)
{
    return log->is_doubted;
}
