#include "journal/topic_check.h"

#include "common/clock.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLICAS_WANTED = 3, MIN_INSYNC_WANTED = 2, FOREVER = -1 };

static void set_why(struct topic_check *check, enum err status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void set_why(struct topic_check *check, enum err status, const char *format, ...)
{
    va_list arguments;

    check->status = status;
    va_start(arguments, format);
    (void)vsnprintf(check->why, sizeof check->why, format, arguments);
    va_end(arguments);
}

/* One more reason; they add up to one line. */
static void add_weakness(struct topic_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_weakness(struct topic_check *check, const char *format, ...)
{
    size_t at = strlen(check->weakness);
    va_list arguments;

    if (at > 0 && at + 2 < sizeof check->weakness) {
        memcpy(check->weakness + at, ", ", 3);
        at += 2;
    }
    va_start(arguments, format);
    (void)vsnprintf(check->weakness + at, sizeof check->weakness - at, format, arguments);
    va_end(arguments);
}

/* --- metadata: is it there, how often is it kept? */

static void look_at(const rd_kafka_metadata_topic_t *topic, struct topic_check *check)
{
    int least = topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0;

    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
        || (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && topic->partition_cnt < 1)) {
        set_why(check, ERR_NOT_FOUND, "topic %s does not exist", topic->topic);
        return;
    }
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        set_why(check, ERR_UNAVAILABLE, "topic %s: %s", topic->topic, rd_kafka_err2str(topic->err));
        return;
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *part = &topic->partitions[i];

        least = part->replica_cnt < least ? part->replica_cnt : least;
        if (part->leader < 0) {
            set_why(check, ERR_UNAVAILABLE, "topic %s: partition %" PRId32 " has no leader",
                    topic->topic, part->id);
            return;
        }
    }
    check->status = ERR_OK;
    check->partition_count = (uint32_t)topic->partition_cnt;
    check->replica_count = (uint32_t)least;
}

static void read_metadata(rd_kafka_t *handle, const char *name, uint32_t timeout_ms,
                          struct topic_check *check)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    rd_kafka_resp_err_t status;

    if (!topic) {
        set_why(check, ERR_UNAVAILABLE, "topic %s: %s", name,
                rd_kafka_err2str(rd_kafka_last_error()));
        return;
    }
    status = rd_kafka_metadata(handle, 0, topic, &metadata, (int)timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (status != RD_KAFKA_RESP_ERR_NO_ERROR) {
        set_why(check, ERR_UNAVAILABLE, "no broker answers: %s", rd_kafka_err2str(status));
        return;
    }
    check->has_answered = true;
    if (metadata->topic_cnt == 1) {
        look_at(&metadata->topics[0], check);
    } else {
        set_why(check, ERR_NOT_FOUND, "topic %s does not exist", name);
    }
    rd_kafka_metadata_destroy(metadata);
}

/* --- settings, by the admin API */

bool topic_codec_is_known(rd_kafka_t *handle, const char *name)
{
    char features[512] = ",";
    char wanted[64];
    size_t size = sizeof features - 2;

    if (strcmp(name, "producer") == 0 || strcmp(name, "uncompressed") == 0) {
        return true;
    }
    if (rd_kafka_conf_get(rd_kafka_conf(handle), "builtin.features", features + 1, &size)
        != RD_KAFKA_CONF_OK) {
        return false;
    }
    (void)snprintf(wanted, sizeof wanted, ",%s,", name);
    memcpy(features + strlen(features), ",", 2);
    return strstr(features, wanted) != NULL;
}

/* What would be refused, or lost, after the script has decided: said before (FK11). */
static void look_at_limits(rd_kafka_t *handle, const char *name, const char *value,
                           struct topic_check *check)
{
    if (strcmp(name, "max.message.bytes") == 0
        && strtoll(value, NULL, 10) < TOPIC_MESSAGE_BYTES_MIN) {
        set_why(check, ERR_CONFIG, "the topic's max.message.bytes is %s, at least %d are needed",
                value, TOPIC_MESSAGE_BYTES_MIN);
    } else if (strcmp(name, "cleanup.policy") == 0 && strcmp(value, "compact") == 0) {
        set_why(check, ERR_CONFIG,
                "the topic's cleanup.policy is compact: it takes no record of "
                "ours, delete is needed");
    } else if (strcmp(name, "compression.type") == 0 && !topic_codec_is_known(handle, value)) {
        set_why(check, ERR_CONFIG,
                "the topic's compression.type is %s, which librdkafka here "
                "cannot read",
                value);
    }
}

static void look_at_settings(rd_kafka_t *handle, const rd_kafka_ConfigResource_t *resource,
                             struct topic_check *check)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    bool is_deleted = true;

    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        long long number;

        if (!value) {
            continue;
        }
        look_at_limits(handle, name, value, check);
        number = strtoll(value, NULL, 10);
        if (strcmp(name, "min.insync.replicas") == 0 && number < MIN_INSYNC_WANTED) {
            add_weakness(check, "min.insync.replicas is %s, %d are wanted", value,
                         MIN_INSYNC_WANTED);
        } else if ((strcmp(name, "retention.ms") == 0 || strcmp(name, "retention.bytes") == 0)
                   && number != FOREVER) {
            add_weakness(check, "%s is %s, -1 is wanted", name, value);
        } else if (strcmp(name, "unclean.leader.election.enable") == 0
                   && strcmp(value, "true") == 0) {
            add_weakness(check, "unclean.leader.election.enable is true");
        } else if (strcmp(name, "cleanup.policy") == 0 && strcmp(value, "delete") != 0) {
            is_deleted = false;
        }
    }
    if (!is_deleted) {
        add_weakness(check, "cleanup.policy must be delete");
    }
}

static void look_at_result(rd_kafka_t *handle, rd_kafka_event_t *event, struct topic_check *check)
{
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    const rd_kafka_ConfigResource_t **resources;
    size_t count = 0;

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR || !result) {
        add_weakness(check, "its settings cannot be read: %s", rd_kafka_event_error_string(event));
        return;
    }
    resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_ConfigResource_error(resources[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            const char *text = rd_kafka_ConfigResource_error_string(resources[i]);

            add_weakness(check, "its settings cannot be read: %s", text ? text : "refused");
            return;
        }
        look_at_settings(handle, resources[i], check);
    }
    check->has_settings = count > 0;
}

static void read_settings(rd_kafka_t *handle, const char *name, uint32_t timeout_ms,
                          struct topic_check *check)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    rd_kafka_event_t *event;
    char text[80];

    (void)rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, text, sizeof text);
    rd_kafka_DescribeConfigs(handle, &resource, 1, options, queue);
    /* The request times out by itself; a little later an answer is certain. */
    event = rd_kafka_queue_poll(queue, (int)timeout_ms + 500);
    if (event) {
        look_at_result(handle, event, check);
        rd_kafka_event_destroy(event);
    } else {
        add_weakness(check, "its settings cannot be read: no answer");
    }
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
}

void topic_check_run(rd_kafka_t *handle, const char *topic, uint32_t timeout_ms,
                     struct topic_check *ret_check)
{
    int64_t deadline_us = clock_mono_us() + (int64_t)timeout_ms * 1000;
    int64_t left_ms;

    *ret_check = (struct topic_check){.status = ERR_UNAVAILABLE};
    read_metadata(handle, topic, timeout_ms, ret_check);
    if (ret_check->status != ERR_OK) {
        return;
    }
    if (ret_check->replica_count < REPLICAS_WANTED) {
        add_weakness(ret_check, "%" PRIu32 " replica(s), %d are wanted", ret_check->replica_count,
                     REPLICAS_WANTED);
    }
    left_ms = (deadline_us - clock_mono_us()) / 1000;
    read_settings(handle, topic, left_ms > 100 ? (uint32_t)left_ms : 100, ret_check);
}

enum err topic_partition_count(rd_kafka_t *handle, const char *topic, uint32_t timeout_ms,
                               uint32_t *ret_count)
{
    struct topic_check check = {.status = ERR_UNAVAILABLE};

    read_metadata(handle, topic, timeout_ms, &check);
    if (check.status == ERR_OK) {
        *ret_count = check.partition_count;
    }
    return check.status;
}
