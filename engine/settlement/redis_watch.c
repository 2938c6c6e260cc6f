#include "settlement/redis_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_reply.h"
#include "loop/waiter.h"

enum { LOOK_MS = 1000 };

struct redis_watch {
    struct redis_watch_options options;
    bool was_away;         /* of the watching thread */
    pthread_mutex_t mutex; /* of the next two */
    bool is_away;
    char why[REDIS_WATCH_TEXT_SIZE];
};

struct redis_watch *redis_watch_create(const struct redis_watch_options *options)
{
    struct redis_watch *watch = calloc(1, sizeof *watch);

    if (watch != NULL) {
        watch->options = *options;
        pthread_mutex_init(&watch->mutex, NULL);
    }
    return watch;
}

void redis_watch_destroy(struct redis_watch *watch)
{
    if (watch != NULL) {
        pthread_mutex_destroy(&watch->mutex);
        free(watch);
    }
}

/* An error reply (LOADING, MASTERDOWN, NOAUTH) serves nobody either. */
static bool ping(struct redis_blocking *redis)
{
    static const char *const argv[] = {"PING"};
    static const size_t sizes[] = {4};
    struct redis_reply *reply = NULL;

    if (redis_blocking_command(redis, 1, argv, sizes, &reply) != ERR_OK) {
        return false;
    }
    redis_reply_free(reply);
    return true;
}

static void put(struct redis_watch *watch, bool is_away, const char *why)
{
    pthread_mutex_lock(&watch->mutex);
    watch->is_away = is_away;
    (void)snprintf(watch->why, sizeof watch->why, "%s", why);
    pthread_mutex_unlock(&watch->mutex);
}

static void look(struct redis_watch *watch)
{
    const bool is_away = !ping(watch->options.redis);
    const char *why = is_away ? redis_blocking_trouble(watch->options.redis) : "";

    put(watch, is_away, why);
    metrics_set(watch->options.shard, METRIC_redis_connected, 0, is_away ? 0 : 1);
    if (is_away && !watch->was_away) {
        LOG_WARN("redis_away", KV_STR("error", why), KV_STR("next", "asked once a second"));
    } else if (!is_away && watch->was_away) {
        LOG_INFO("redis_back",
                 KV_U64("generation", redis_blocking_generation(watch->options.redis)));
    }
    watch->was_away = is_away;
}

void redis_watch_run(struct redis_watch *watch)
{
    do {
        look(watch);
    } while (waiter_sleep_ms(watch->options.waiter, LOOK_MS));
}

bool redis_watch_is_away(struct redis_watch *watch, char ret_why[static REDIS_WATCH_TEXT_SIZE])
{
    pthread_mutex_lock(&watch->mutex);
    const bool is_away = watch->is_away;
    memcpy(ret_why, watch->why, sizeof watch->why);
    pthread_mutex_unlock(&watch->mutex);
    return is_away;
}
