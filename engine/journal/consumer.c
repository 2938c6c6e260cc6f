/* Eager groups (K22): every rebalance takes all partitions away and hands out anew. Where a
 * partition goes on is `next`: asked from the owner at each assignment, advanced with every record
 * delivered. To change a place in between, the whole assignment is set again from `next`, which is
 * exact; seek and resume of the library's versions are not (K24).
 *
 * state of a partition   event                        next
 * WAITING                on_assign gave a place       FETCHING
 * WAITING                on_assign failed             WAITING: asked again after RETRY_MS
 * FETCHING, STOPPED      consumer_pause               PAUSED
 * PAUSED                 consumer_resume              FETCHING
 * FETCHING               the log has no such place    STOPPED: told once
 * STOPPED                consumer_resume              FETCHING, from its place
 * any                    revoked, lost                gone */
#include "journal/consumer.h"

#include "common/assert.h"
#include "common/clock.h"
#include "common/log.h"
#include "journal/commits.h"
#include "journal/consumer_client.h"
#include "journal/fetched.h"
#include "journal/parts.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 1000, WATERMARK_TIMEOUT_MS = 2000, SESSION_TIMEOUT_MS = 10000, POLL_MS = 100 };
static_assert((int)CONSUMER_TEXT_SIZE >= (int)KAFKA_CONF_ERROR_SIZE, "one error text");

struct consumer {
    struct consumer_options options; /* texts owned, see below */
    char *brokers, *topic, *group, *client_name;
    rd_kafka_t *handle;
    struct parts parts;
    int64_t retry_us; /* when WAITING partitions are asked for again */
    bool is_held;     /* fetching is paused, the caller holds a batch */
    bool is_dead;
    bool is_leaving;     /* the group, for good */
    bool needs_reassign; /* what librdkafka fetches is not what `parts` says */
    struct commits commits;
    struct fetched fetched;           /* owned; of the last poll */
    enum consumer_result told;        /* GAP or BEYOND_END not returned yet; else IDLE */
    char trouble[CONSUMER_TEXT_SIZE]; /* of the group; "" */
    char stopped[CONSUMER_TEXT_SIZE]; /* which partitions are STOPPED, and why; "" */
};

static void note_stopped(struct consumer *consumer)
{
    parts_tell_stopped(&consumer->parts, consumer->stopped, sizeof consumer->stopped);
}

/* --- assignment */

/* librdkafka stops what it fetched behind the caller's back, and aborts when it is to stop that
 * again before it has (rktp_started). Its main thread works in turn: the first question comes
 * behind the stops, the second behind what they report. A group that is left answers none. */
static rd_kafka_resp_err_t assign(struct consumer *consumer,
                                  const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t status = rd_kafka_assign(consumer->handle, list);

    for (int question = 0; question < 2 && !consumer->is_leaving; question++) {
        rd_kafka_topic_partition_list_t *answer;

        if (rd_kafka_assignment(consumer->handle, &answer) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_topic_partition_list_destroy(answer);
        }
    }
    return status;
}

/* Tells librdkafka to fetch what is FETCHING, each from its `next`; of the others nothing. */
static void reassign(struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->parts.count);
    rd_kafka_resp_err_t status;

    for (uint32_t i = 0; i < consumer->parts.count; i++) {
        const struct part *part = &consumer->parts.items[i];

        if (part->state == PART_FETCHING && !consumer->is_held) {
            rd_kafka_topic_partition_list_add(list, consumer->topic, (int32_t)part->id)->offset =
                (int64_t)part->next;
        }
    }
    status = assign(consumer, list);
    consumer->needs_reassign = status != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (status != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)snprintf(consumer->trouble, sizeof consumer->trouble, "cannot assign: %s",
                       rd_kafka_err2str(status));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* Asks the owner where WAITING partitions begin. */
static void ask_places(struct consumer *consumer)
{
    bool is_waiting = false;

    consumer->trouble[0] = '\0';
    for (uint32_t i = 0; i < consumer->parts.count; i++) {
        struct part *part = &consumer->parts.items[i];
        enum err err;

        if (part->state != PART_WAITING) {
            continue;
        }
        err = consumer->options.on_assign(consumer->options.arg, part->id, &part->next);
        if (err == ERR_OK) {
            ASSERT(part->next <= INT64_MAX);
            part->state = PART_FETCHING;
            consumer->needs_reassign = true;
            continue;
        }
        is_waiting = true;
        (void)snprintf(consumer->trouble, sizeof consumer->trouble,
                       "partition %" PRIu32 " has no place: %s", part->id, err_text(err));
    }
    consumer->retry_us = is_waiting ? clock_mono_us() + RETRY_MS * 1000 : 0;
}

static void on_assigned(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    consumer->parts.count = 0;
    for (int i = 0; i < list->cnt && consumer->parts.count < CONSUMER_PARTITIONS_MAX; i++) {
        consumer->parts.items[consumer->parts.count++] =
            (struct part){.id = (uint32_t)list->elems[i].partition, .state = PART_WAITING};
    }
    note_stopped(consumer);
    ask_places(consumer);
    /* Always: the group hangs without an answer to the event (K21). */
    reassign(consumer);
}

static void on_parted(struct consumer *consumer)
{
    enum consumer_parting parting =
        rd_kafka_assignment_lost(consumer->handle) ? CONSUMER_LOST : CONSUMER_REVOKED;
    uint32_t count = consumer->parts.count;

    if (parting == CONSUMER_REVOKED) {
        commits_send(&consumer->commits, consumer->handle, consumer->topic);
    }
    commits_forget(&consumer->commits); /* of what is lost another member tells (K26) */
    /* Inside consumer_poll(): what was collected is nobody's yet, and would come twice if the
     * partition came back. Inside consumer_keep_alive() it is the caller's, who is told. */
    if (!consumer->is_held) {
        consumer_release(consumer);
    }
    for (uint32_t i = 0; i < count; i++) {
        /* One that never got a place is not known to the owner. */
        if (consumer->parts.items[i].state != PART_WAITING) {
            consumer->options.on_part(consumer->options.arg, consumer->parts.items[i].id, parting);
        }
    }
    consumer->parts.count = 0;
    note_stopped(consumer);
    consumer->retry_us = 0;
    consumer->needs_reassign = false;
    (void)assign(consumer, NULL);
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t event,
                         rd_kafka_topic_partition_list_t *list, void *arg)
{
    struct consumer *consumer = arg;

    (void)handle;
    if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_assigned(consumer, list);
    } else {
        on_parted(consumer);
    }
}

/* --- what comes instead of a record */

/* The log has not the place that we asked for: which side it lies on. */
static void on_no_place(struct consumer *consumer, struct part *part)
{
    int64_t low = -1, high = -1;
    rd_kafka_resp_err_t status = rd_kafka_query_watermark_offsets(
        consumer->handle, consumer->topic, (int32_t)part->id, &low, &high, WATERMARK_TIMEOUT_MS);

    if (status != RD_KAFKA_RESP_ERR_NO_ERROR) {
        /* It cannot be told yet: fetching again from the same place brings us here again. */
        consumer->needs_reassign = true;
        return;
    }
    if (low >= 0 && part->next >= (uint64_t)low && part->next <= (uint64_t)high) {
        consumer->needs_reassign = true; /* it has it after all: a leader changed */
        return;
    }
    part->state = PART_STOPPED;
    part->low = low;
    part->high = high;
    consumer->needs_reassign = true;
    consumer->told = part->next < (uint64_t)low ? CONSUMER_GAP : CONSUMER_BEYOND_END;
    note_stopped(consumer);
    LOG_ERROR("log_place_missing", KV_STR("topic", consumer->topic), KV_U64("partition", part->id),
              KV_U64("next", part->next), KV_I64("low", low), KV_I64("high", high));
}

static void on_error(struct consumer *consumer, const rd_kafka_message_t *message)
{
    struct part *part = NULL;
    char text[120];

    if (rd_kafka_fatal_error(consumer->handle, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        LOG_ERROR("kafka_consumer_died", KV_STR("topic", consumer->topic), KV_STR("error", text));
        consumer->is_dead = true;
        return;
    }
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        part = parts_find(&consumer->parts, (uint32_t)message->partition);
        if (part && part->state != PART_STOPPED) {
            on_no_place(consumer, part);
        }
        return;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        (void)snprintf(consumer->trouble, sizeof consumer->trouble, "%s",
                       rd_kafka_message_errstr(message));
        LOG_WARN("kafka_consumer_troubled", KV_STR("error", consumer->trouble));
        return;
    default: /* librdkafka's enum; it mends these by itself */
        LOG_DEBUG("kafka_error", KV_STR("error", rd_kafka_message_errstr(message)));
        return;
    }
}

/* --- creation */

static enum err make_handle(struct consumer *consumer, char error[static CONSUMER_TEXT_SIZE])
{
    uint32_t session_ms = consumer->options.session_timeout_ms;
    const struct consumer_client_options options = {
        .brokers = consumer->brokers,
        .client_name = consumer->client_name,
        .group = consumer->group,
        .session_timeout_ms = session_ms > 0 ? session_ms : SESSION_TIMEOUT_MS,
        .begin = "error",
        .arg = consumer,
    };
    rd_kafka_conf_t *conf = NULL;
    enum err err = consumer_client_conf(&options, error, &conf);

    if (err != ERR_OK) {
        return err;
    }
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return consumer_client_make(conf, error, &consumer->handle);
}

static bool copy_texts(struct consumer *consumer, const struct consumer_options *options)
{
    consumer->options = *options;
    consumer->brokers = strdup(options->brokers);
    consumer->topic = strdup(options->topic);
    consumer->group = strdup(options->group);
    consumer->client_name = strdup(options->client_name);
    return consumer->brokers && consumer->topic && consumer->group && consumer->client_name
           && fetched_init(&consumer->fetched, options->batch_max);
}

enum err consumer_create(const struct consumer_options *options,
                         char error[static CONSUMER_TEXT_SIZE], struct consumer **ret_consumer)
{
    struct consumer *consumer = calloc(1, sizeof *consumer);
    enum err err = ERR_NO_MEMORY;

    ASSERT(options->batch_max > 0 && options->on_assign && options->on_part);
    (void)snprintf(error, CONSUMER_TEXT_SIZE, "out of memory");
    if (!consumer) {
        return ERR_NO_MEMORY;
    }
    consumer->told = CONSUMER_IDLE;
    commits_init(&consumer->commits);
    if (copy_texts(consumer, options)) {
        err = make_handle(consumer, error);
    }
    if (err == ERR_OK) {
        err = consumer_client_subscribe(consumer->handle, consumer->topic, error);
    }
    if (err != ERR_OK) {
        consumer_destroy(consumer);
        return err;
    }
    *ret_consumer = consumer;
    return ERR_OK;
}

void consumer_destroy(struct consumer *consumer)
{
    if (!consumer) {
        return;
    }
    fetched_finish(&consumer->fetched);
    if (consumer->handle) {
        consumer->is_leaving = true;
        (void)rd_kafka_consumer_close(consumer->handle); /* on_rebalance runs in it */
        rd_kafka_destroy(consumer->handle);
    }
    free(consumer->brokers);
    free(consumer->topic);
    free(consumer->group);
    free(consumer->client_name);
    free(consumer);
}

/* --- polling */

/* Takes one message out of the queue: a record of ours is kept. false: nothing came. */
static bool take_one(struct consumer *consumer, int wait_ms)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->handle, wait_ms);
    struct part *part;

    if (!message) {
        return false;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_error(consumer, message);
        rd_kafka_message_destroy(message);
        return true;
    }
    part = parts_find(&consumer->parts, (uint32_t)message->partition);
    /* Left over of an assignment before, or of a place before: not what `next` asks for. */
    if (!part || part->state != PART_FETCHING || consumer->is_held
        || (uint64_t)message->offset < part->next
        || consumer->fetched.count == consumer->options.batch_max) {
        rd_kafka_message_destroy(message);
        consumer->needs_reassign = true;
        return true;
    }
    part->next = (uint64_t)message->offset + 1;
    fetched_put(&consumer->fetched, message);
    return true;
}

/* What is due before librdkafka is asked for more. */
static void prepare(struct consumer *consumer)
{
    if (consumer->retry_us != 0 && clock_mono_us() >= consumer->retry_us) {
        ask_places(consumer);
    }
    if (consumer->needs_reassign) {
        reassign(consumer);
    }
}

/* What is to be told instead of records; each once. */
static enum consumer_result tell(struct consumer *consumer)
{
    enum consumer_result told = consumer->told;

    consumer->told = CONSUMER_IDLE;
    return consumer->is_dead ? CONSUMER_FATAL : told;
}

enum consumer_result consumer_poll(struct consumer *consumer, uint32_t wait_ms, uint32_t fill_ms,
                                   struct consumer_batch *ret_batch)
{
    int64_t end_us = clock_mono_us() + (int64_t)wait_ms * 1000;

    ASSERT(consumer->fetched.count == 0);
    commits_send_in_time(&consumer->commits, consumer->handle, consumer->topic);
    if (consumer->is_held) {
        consumer->is_held = false;
        consumer->needs_reassign = true;
    }
    while (!consumer->is_dead && consumer->fetched.count < consumer->options.batch_max) {
        int64_t left_ms = (end_us - clock_mono_us()) / 1000;
        bool had_none = consumer->fetched.count == 0;

        prepare(consumer);
        left_ms = left_ms < 0 ? 0 : left_ms;
        if (!take_one(consumer, left_ms < POLL_MS ? (int)left_ms : POLL_MS)) {
            if (left_ms == 0) {
                break;
            }
        } else if (had_none && consumer->fetched.count == 1) {
            end_us = clock_mono_us() + (int64_t)fill_ms * 1000;
        } else if (consumer->told != CONSUMER_IDLE) {
            break;
        }
    }
    if (consumer->fetched.count > 0) {
        *ret_batch = fetched_batch(&consumer->fetched);
        return CONSUMER_BATCH;
    }
    return tell(consumer);
}

void consumer_release(struct consumer *consumer)
{
    fetched_release(&consumer->fetched);
}

enum consumer_result consumer_keep_alive(struct consumer *consumer, uint32_t wait_ms)
{
    int64_t end_us = clock_mono_us() + (int64_t)wait_ms * 1000, left_ms;

    if (!consumer->is_held) {
        consumer->is_held = true;
        consumer->needs_reassign = true;
    }
    do {
        prepare(consumer);
        left_ms = (end_us - clock_mono_us()) / 1000;
        left_ms = left_ms < 0 ? 0 : left_ms;
        (void)take_one(consumer, left_ms < POLL_MS ? (int)left_ms : POLL_MS);
    } while (left_ms > 0 && !consumer->is_dead);
    return tell(consumer);
}

/* --- places */

enum err consumer_rewind(struct consumer *consumer, uint32_t partition, uint64_t next)
{
    struct part *part = parts_find_placed(&consumer->parts, partition);

    if (part) {
        part->next = next;
        consumer->needs_reassign = true;
    }
    return part ? ERR_OK : ERR_NOT_FOUND;
}

static enum err enter(struct consumer *consumer, uint32_t partition, enum part_state state)
{
    struct part *part = parts_find_placed(&consumer->parts, partition);

    if (part && part->state != state) {
        part->state = state;
        consumer->needs_reassign = true;
        note_stopped(consumer);
    }
    return part ? ERR_OK : ERR_NOT_FOUND;
}

enum err consumer_pause(struct consumer *consumer, uint32_t partition)
{
    return enter(consumer, partition, PART_PAUSED);
}

enum err consumer_resume(struct consumer *consumer, uint32_t partition)
{
    return enter(consumer, partition, PART_FETCHING);
}

bool consumer_is_assigned(struct consumer *consumer, uint32_t partition)
{
    return parts_find_placed(&consumer->parts, partition) != NULL;
}

void consumer_commit(struct consumer *consumer, uint32_t partition, uint64_t next)
{
    if (parts_find(&consumer->parts, partition)) {
        commits_put(&consumer->commits, partition, next);
    }
}

uint32_t consumer_places(const struct consumer *consumer, struct consumer_place *places,
                         uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < consumer->parts.count && count < max; i++) {
        const struct part *part = &consumer->parts.items[i];
        int64_t low = -1, high = -1;

        if (part->state == PART_WAITING) {
            continue;
        }
        (void)rd_kafka_get_watermark_offsets(consumer->handle, consumer->topic, (int32_t)part->id,
                                             &low, &high);
        places[count++] = (struct consumer_place){
            .partition = part->id,
            .next = part->next,
            .end = high > 0 && (uint64_t)high > part->next ? (uint64_t)high : part->next,
            .is_stopped = part->state == PART_STOPPED,
        };
    }
    return count;
}

const char *consumer_trouble(const struct consumer *consumer)
{
    return consumer->stopped[0] != '\0'   ? consumer->stopped
           : consumer->trouble[0] != '\0' ? consumer->trouble
                                          : NULL;
}
