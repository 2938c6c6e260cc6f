#include "journal/topic_bounds.h"

#include "common/clock.h"
#include "journal/topic_check.h"

#include <librdkafka/rdkafka.h>

static enum err status_of(rd_kafka_resp_err_t status)
{
    switch (status) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return ERR_OK;
    case RD_KAFKA_RESP_ERR__TIMED_OUT: return ERR_TIMEOUT;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return ERR_NOT_FOUND;
    default: return ERR_UNAVAILABLE; /* librdkafka's enum */
    }
}

static enum err read_part(rd_kafka_t *handle, const char *topic, uint32_t part, int64_t left_ms,
                          struct topic_bounds *bounds)
{
    int64_t low = -1, high = -1;

    if (left_ms <= 0) {
        return ERR_TIMEOUT;
    }
    const enum err err = status_of(
        rd_kafka_query_watermark_offsets(handle, topic, (int32_t)part, &low, &high, (int)left_ms));
    if (err != ERR_OK || low < 0 || high < low) {
        return err != ERR_OK ? err : ERR_UNAVAILABLE;
    }
    bounds->first[part] = (uint64_t)low;
    bounds->end[part] = (uint64_t)high;
    return ERR_OK;
}

enum err topic_bounds_read(rd_kafka_t *handle, const char *topic, uint32_t timeout_ms,
                           struct topic_bounds *ret_bounds)
{
    const int64_t deadline_us = clock_mono_us() + (int64_t)timeout_ms * 1000;
    enum err err = topic_partition_count(handle, topic, timeout_ms, &ret_bounds->count);

    if (err == ERR_OK && ret_bounds->count > LOG_PARTITIONS_MAX) {
        err = ERR_RANGE;
    }
    for (uint32_t part = 0; err == ERR_OK && part < ret_bounds->count; part++) {
        const int64_t left_ms = (deadline_us - clock_mono_us()) / 1000;
        err = read_part(handle, topic, part, left_ms, ret_bounds);
    }
    return err;
}
