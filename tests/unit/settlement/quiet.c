#include "unit/settlement/quiet.h"

#include "inventory/redis_blocking.h"
#include "ledger/mysql_link.h"
#include "loop/waiter.h"

struct quiet quiet;

bool waiter_is_stopped(struct waiter *waiter)
{
    (void)waiter;
    return quiet.is_stopped || (quiet.sleeps_max > 0 && quiet.sleeps >= quiet.sleeps_max);
}

bool waiter_sleep_ms(struct waiter *waiter, uint32_t ms)
{
    quiet.sleeps++;
    quiet.now_us += (int64_t)ms * 1000;
    if (quiet.on_sleep) {
        quiet.on_sleep(ms);
    }
    return !waiter_is_stopped(waiter);
}

int64_t waiter_now_us(const struct waiter *waiter)
{
    (void)waiter;
    return quiet.now_us;
}

int64_t waiter_wall_ms(const struct waiter *waiter)
{
    (void)waiter;
    return quiet.now_us / 1000;
}

enum err mysql_link_ensure(struct mysql_link *link)
{
    (void)link;
    return quiet.ensure_err;
}

const char *mysql_link_error_text(const struct mysql_link *link)
{
    (void)link;
    return "mysql-text";
}

const char *redis_blocking_trouble(const struct redis_blocking *redis)
{
    (void)redis;
    return quiet.redis_text ? quiet.redis_text : "redis-text";
}
