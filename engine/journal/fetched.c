#include "journal/fetched.h"

#include "common/assert.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

bool fetched_init(struct fetched *fetched, size_t max)
{
    *fetched = (struct fetched){
        .messages = calloc(max, sizeof(rd_kafka_message_t *)),
        .records = calloc(max, sizeof(struct consumer_record)),
        .max = max,
    };
    return fetched->messages && fetched->records;
}

void fetched_finish(struct fetched *fetched)
{
    fetched_release(fetched);
    free(fetched->messages);
    free(fetched->records);
    *fetched = (struct fetched){0};
}

void fetched_put(struct fetched *fetched, rd_kafka_message_t *message)
{
    ASSERT(fetched->count < fetched->max);
    fetched->messages[fetched->count++] = message;
}

static int by_place(const void *a, const void *b)
{
    const rd_kafka_message_t *one = *(rd_kafka_message_t *const *)a;
    const rd_kafka_message_t *other = *(rd_kafka_message_t *const *)b;

    if (one->partition != other->partition) {
        return one->partition < other->partition ? -1 : 1;
    }
    return one->offset < other->offset ? -1 : 1;
}

static void describe(const rd_kafka_message_t *message, struct consumer_record *record)
{
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(message, &type);

    *record = (struct consumer_record){
        .partition = (uint32_t)message->partition,
        .offset = (uint64_t)message->offset,
        .payload = message->len > 0 ? message->payload : NULL,
        .payload_size = message->len,
        .appended_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : time_ms,
    };
}

struct consumer_batch fetched_batch(struct fetched *fetched)
{
    qsort(fetched->messages, fetched->count, sizeof(rd_kafka_message_t *), by_place);
    for (size_t i = 0; i < fetched->count; i++) {
        describe(fetched->messages[i], &fetched->records[i]);
    }
    return (struct consumer_batch){fetched->records, fetched->count};
}

void fetched_release(struct fetched *fetched)
{
    for (size_t i = 0; i < fetched->count; i++) {
        rd_kafka_message_destroy(fetched->messages[i]);
    }
    fetched->count = 0;
}
