/* The watch on a Redis that comes and goes. */
#include "settlement/redis_watch.h"

#include <criterion/criterion.h>
#include <string.h>

#include "inventory/redis_blocking.h"
#include "inventory/redis_reply.h"
#include "unit/settlement/quiet.h"

static struct {
    enum err answers[4]; /* of the first PINGs; then ERR_OK */
    uint32_t pings, freed;
    struct redis_watch *watch;
    bool away_after[4]; /* what was told after each */
} world;

enum err redis_blocking_command(struct redis_blocking *redis, uint32_t argc,
                                const char *const *argv, const size_t *sizes,
                                struct redis_reply **ret_reply)
{
    static char reply;
    const enum err err = world.pings < 4 ? world.answers[world.pings] : ERR_OK;

    (void)redis;
    cr_assert(argc == 1 && sizes[0] == 4 && memcmp(argv[0], "PING", 4) == 0);
    world.pings++;
    if (err == ERR_OK) {
        *ret_reply = (struct redis_reply *)&reply;
    }
    return err;
}

void redis_reply_free(struct redis_reply *reply)
{
    cr_assert_not_null(reply);
    world.freed++;
}

uint64_t redis_blocking_generation(const struct redis_blocking *redis)
{
    (void)redis;
    return 1;
}

static void on_sleep(uint32_t ms)
{
    char why[REDIS_WATCH_TEXT_SIZE];

    cr_assert_eq(ms, 1000);
    const bool is_away = redis_watch_is_away(world.watch, why);
    cr_assert_str_eq(why, is_away ? "redis-text" : "");
    world.away_after[world.pings - 1] = is_away;
}

Test(redis_watch, tells_whether_the_last_ping_was_answered)
{
    char why[REDIS_WATCH_TEXT_SIZE];

    world.answers[1] = ERR_UNAVAILABLE;
    world.answers[2] = ERR_REFUSED; /* LOADING */
    world.watch = redis_watch_create(&(struct redis_watch_options){0});
    cr_assert_not(redis_watch_is_away(world.watch, why), "not known yet");
    quiet.sleeps_max = 4;
    quiet.on_sleep = on_sleep;
    redis_watch_run(world.watch);
    cr_assert(world.pings == 4 && world.freed == 2);
    cr_assert(!world.away_after[0] && world.away_after[1] && world.away_after[2]);
    cr_assert_not(world.away_after[3]);
    redis_watch_destroy(world.watch);
    redis_watch_destroy(NULL);
}
