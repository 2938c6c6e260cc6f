#include "settlement/kafka_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "journal/topic_health.h"
#include "journal/topic_look.h"
#include "loop/waiter.h"

enum { TOPICS = 2, LOOK_MS = 2000, LOOK_AWAY_MS = 500, LOOK_TIMEOUT_MS = 2000, TOLD_S = 30 };

struct watched {
    const char *name; /* borrowed from conf */
    struct topic_health health;
    bool was_ready;
    char told[TOPIC_CHECK_TEXT_SIZE]; /* the weakness that was logged last; "": it has none */
};

struct kafka_watch {
    struct kafka_watch_options options;
    struct topic_look *look; /* owned; NULL until librdkafka takes the settings */
    struct watched topics[TOPICS];
    char trouble[KAFKA_CONF_ERROR_SIZE]; /* why there is none */
    pthread_mutex_t mutex;               /* of the next one */
    struct kafka_watch_state state;
};

struct kafka_watch *kafka_watch_create(const struct kafka_watch_options *options)
{
    struct kafka_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL) {
        return NULL;
    }
    watch->options = *options;
    watch->topics[0].name = options->conf->kafka_orders_topic;
    watch->topics[1].name = options->conf->kafka_notices_topic;
    for (int i = 0; i < TOPICS; i++) {
        topic_health_init(&watch->topics[i].health, options->conf->kafka_message_timeout_ms);
        watch->topics[i].was_ready = true; /* that it is away is told */
    }
    (void)snprintf(watch->state.away, sizeof watch->state.away, "Kafka has not answered yet");
    pthread_mutex_init(&watch->mutex, NULL);
    return watch;
}

void kafka_watch_destroy(struct kafka_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    topic_look_destroy(watch->look);
    pthread_mutex_destroy(&watch->mutex);
    free(watch);
}

static bool ensure_look(struct kafka_watch *watch)
{
    const struct topic_look_options options = {
        .brokers = watch->options.conf->kafka_brokers,
        .client_name = "seckill-worker-watch",
    };

    if (watch->look != NULL) {
        return true;
    }
    (void)snprintf(watch->trouble, sizeof watch->trouble, "out of memory");
    if (topic_look_create(&options, watch->trouble, &watch->look) != ERR_OK) {
        LOG_WARN_EVERY(TOLD_S, "kafka_refused", KV_STR("why", watch->trouble));
        return false;
    }
    return true;
}

/* Of a topic that answers: of another one the last that was heard stands. */
static void tell_weakness(struct watched *topic)
{
    const char *weakness = topic_health_weakness(&topic->health);

    if (weakness == NULL) {
        topic->told[0] = '\0';
    } else if (strcmp(weakness, topic->told) != 0) {
        (void)snprintf(topic->told, sizeof topic->told, "%s", weakness);
        LOG_WARN("durability_degraded", KV_STR("service", "kafka"), KV_STR("topic", topic->name),
                 KV_STR("why", weakness));
    }
}

/* True: a broker answered, whatever it said. */
static bool look_at(struct kafka_watch *watch, struct watched *topic)
{
    struct topic_check check;
    const char *why = "";

    topic_look_at(watch->look, topic->name, LOOK_TIMEOUT_MS, &check);
    topic_health_checked(&topic->health, &check);
    const bool is_ready = topic_health_is_ready(&topic->health, &why);
    if (!is_ready && topic->was_ready) {
        LOG_WARN("kafka_away", KV_STR("topic", topic->name), KV_STR("why", why),
                 KV_STR("next", "asked again half a second after each answer or time-out"));
    } else if (is_ready && !topic->was_ready) {
        LOG_INFO("kafka_back", KV_STR("topic", topic->name));
    }
    topic->was_ready = is_ready;
    if (is_ready) {
        tell_weakness(topic);
    }
    return check.has_answered;
}

static void append(char text[static KAFKA_WATCH_TEXT_SIZE], const char *topic, const char *what)
{
    const size_t size = strlen(text);
    const bool is_named = strncmp(what, "topic ", strlen("topic ")) == 0; /* by topic_check */

    (void)snprintf(text + size, KAFKA_WATCH_TEXT_SIZE - size, "%s%s%s%s", size > 0 ? "; " : "",
                   is_named ? "" : topic, is_named ? "" : ": ", what);
}

/* True: brokers answered. Where none does, the next topic would only cost its time-out, too. */
static bool look_at_all(struct kafka_watch *watch)
{
    bool has_answered = true;

    for (int i = 0; i < TOPICS && has_answered && !waiter_is_stopped(watch->options.waiter); i++) {
        has_answered = look_at(watch, &watch->topics[i]);
    }
    return has_answered;
}

static void tell_all(const struct kafka_watch *watch, struct kafka_watch_state *state)
{
    bool is_weak = false;

    for (int i = 0; i < TOPICS; i++) {
        const struct watched *topic = &watch->topics[i];
        const char *why = "";

        is_weak = is_weak || topic->told[0] != '\0';
        if (!topic_health_is_ready(&topic->health, &why)) {
            append(state->away, topic->name, why);
        } else if (topic->told[0] != '\0') {
            append(state->weak, topic->name, topic->told);
        }
    }
    metrics_set(watch->options.shard, METRIC_durability_degraded, 0, is_weak ? 1 : 0);
}

/* Returns until when the next look may wait. */
static uint32_t look(struct kafka_watch *watch)
{
    struct kafka_watch_state state = {0};
    bool has_answered = false;

    if (ensure_look(watch)) {
        has_answered = look_at_all(watch);
        tell_all(watch, &state);
    } else {
        (void)snprintf(state.away, sizeof state.away, "%s", watch->trouble);
    }
    pthread_mutex_lock(&watch->mutex);
    watch->state = state;
    pthread_mutex_unlock(&watch->mutex);
    return state.away[0] != '\0' || !has_answered ? LOOK_AWAY_MS : LOOK_MS;
}

void kafka_watch_run(struct kafka_watch *watch)
{
    while (waiter_sleep_ms(watch->options.waiter, look(watch))) {
    }
}

void kafka_watch_look(struct kafka_watch *watch, struct kafka_watch_state *ret_state)
{
    pthread_mutex_lock(&watch->mutex);
    *ret_state = watch->state;
    pthread_mutex_unlock(&watch->mutex);
}
