#include "journal/topic_health.h"

#include <stddef.h>

enum { FAILURES_THAT_COUNT = 2, DOUBT_TIMEOUTS = 3 };

void topic_health_init(struct topic_health *health, uint32_t message_timeout_ms)
{
    *health =
        (struct topic_health){.seen = {.status = ERR_UNAVAILABLE},
                              .doubt_us = (int64_t)message_timeout_ms * 1000 * DOUBT_TIMEOUTS};
}

/* An answer about the settings that is slow, or refused, says nothing about them. */
static const struct topic_check *complete(struct topic_health *health,
                                          const struct topic_check *check)
{
    const bool is_same = health->read.has_settings && check->status == ERR_OK
                         && check->replica_count == health->read.replica_count
                         && check->partition_count == health->read.partition_count;

    if (!check->has_settings && is_same) {
        return &health->read;
    }
    health->read = *check;
    return check;
}

void topic_health_checked(struct topic_health *health, const struct topic_check *check)
{
    bool has_reported = health->has_reported;

    health->has_reported = false;
    if (check->status != ERR_UNAVAILABLE) {
        health->failures = 0;
        health->is_down = false;
        health->seen = *complete(health, check);
        return;
    }
    if (has_reported) {
        health->failures = 0;
        return;
    }
    health->failures++;
    if (health->seen.status == ERR_UNAVAILABLE || health->failures >= FAILURES_THAT_COUNT) {
        health->seen = *check;
    }
}

void topic_health_reported(struct topic_health *health, bool is_good, int64_t now_us)
{
    health->doubted_until_us = is_good ? 0 : now_us + health->doubt_us;
    if (is_good) {
        health->has_reported = true;
        health->is_down = false;
    }
}

bool topic_health_is_doubted(const struct topic_health *health, int64_t now_us)
{
    return now_us < health->doubted_until_us;
}

void topic_health_lost(struct topic_health *health)
{
    health->is_down = true;
    health->has_reported = false;
}

bool topic_health_is_ready(const struct topic_health *health, const char **ret_why)
{
    if (health->is_down) {
        *ret_why = "no Kafka broker can be reached";
        return false;
    }
    if (health->seen.status != ERR_OK) {
        *ret_why = health->seen.why[0] != '\0' ? health->seen.why : "Kafka has not answered yet";
        return false;
    }
    return true;
}

const char *topic_health_weakness(const struct topic_health *health)
{
    bool is_known = health->seen.status == ERR_OK;

    return is_known && health->seen.weakness[0] != '\0' ? health->seen.weakness : NULL;
}
