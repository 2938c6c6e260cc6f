/* state     event                    next      function
 * LIVE      fatal error              DEAD      on_dead: what is under way is LOST
 * DEAD      a new handle was made    LIVE      on_renewed
 * DEAD      making it failed         DEAD      on_renewed: again after RENEW_RETRY_MS
 *
 * The helper thread does what may block: it looks at the topic, makes and destroys handles. It is
 * one thread, so that a job on a handle and its destruction never overlap. */
#include "journal/producer.h"

#include "common/assert.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "journal/pending.h"
#include "journal/producer_client.h"
#include "journal/topic_check.h"
#include "journal/topic_health.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "loop/work.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVENTS_PER_TURN_MAX = 32,
    CHECK_READY_MS = 5000,
    CHECK_UNREADY_MS = 500,
    CHECK_TIMEOUT_MS = 1000,
    RENEW_RETRY_MS = 500,
    FLUSH_MS = 100,
    HELPER_QUEUE_MAX = 4, /* check, flush, renew, retire */
};

enum state { STATE_LIVE, STATE_DEAD };

struct producer {
    struct producer_options options;
    struct producer_client_options client_options;
    enum state state;
    struct producer_client client; /* owned; empty while DEAD */
    struct pending *pending;       /* owned */
    int event_fd;
    struct loop_watch *watch;
    struct work_pool *helper;
    struct timer dead_timer, check_timer;
    bool in_callback, is_closing;

    struct topic_health health;

    /* The helper's jobs, each at most once at a time, and what belongs to it meanwhile. */
    bool is_checking, is_check_soon, is_flushing, is_retiring;
    rd_kafka_t *check_handle, *flush_handle; /* borrowed */
    struct topic_check check;

    struct producer_client renewed, retired; /* owned */
    char error[KAFKA_CONF_ERROR_SIZE];
};

/* --- the handle */

static const uint64_t one = 1;

static void wake(struct producer *producer)
{
    ssize_t done = write(producer->event_fd, &one, sizeof one);

    ASSERT(done == (ssize_t)sizeof one);
}

/* On the loop: reports wake us from now on. librdkafka writes only when its queue was empty: it may
 * hold an event by now (no broker, say), so we look once by ourselves, or are never woken. */
static void install(struct producer *producer, struct producer_client *client)
{
    producer->client = *client;
    *client = (struct producer_client){0};
    producer->state = STATE_LIVE;
    rd_kafka_queue_io_event_enable(producer->client.queue, producer->event_fd, &one, sizeof one);
    wake(producer);
}

/* --- reports */

/* The record was taken out before: its callback may append again. */
static void finish(struct producer *producer, const struct pending_record *record, enum err status)
{
    if (status != ERR_OK) {
        metrics_add(producer->options.shard, METRIC_kafka_failed_total, 0, 1);
    }
    producer->in_callback = true;
    record->done(record->arg, status);
    producer->in_callback = false;
}

/* Nothing new comes meanwhile: the producer is dead or closing. */
static void lose_all(struct producer *producer)
{
    struct pending_record record;

    while (pending_take_oldest(producer->pending, &record)) {
        finish(producer, &record, ERR_LOST);
    }
}

static void on_report(struct producer *producer, const rd_kafka_message_t *message, int64_t now_us)
{
    enum err status = FAILPOINT_FAILS(report_failed) ? ERR_LOST : producer_client_status(message);
    struct pending_record record;

    if (!pending_take(producer->pending, (uint64_t)(uintptr_t)message->_private, &record)) {
        return;
    }
    const int64_t age_us = now_us - record.appended_us;
    metrics_observe_us(producer->options.shard, METRIC_kafka_report_duration_seconds, 0,
                       age_us > 0 ? (uint64_t)age_us : 0);
    topic_health_reported(&producer->health, status == ERR_OK, now_us);
    finish(producer, &record, status);
}

static void die(struct producer *producer, const char *text)
{
    if (producer->state == STATE_LIVE && !timer_is_running(&producer->dead_timer)) {
        LOG_ERROR("kafka_producer_died", KV_STR("topic", producer->options.topic),
                  KV_STR("error", text), KV_STR("next", "make another"));
        timer_start_ms(&producer->dead_timer, 0);
    }
}

/* What is wrong may be seen in the topic. Many failures do not put the look off. */
static void check_soon(struct producer *producer)
{
    if (!producer->is_checking && !producer->is_check_soon) {
        producer->is_check_soon = true;
        timer_start_ms(&producer->check_timer, CHECK_UNREADY_MS);
    }
}

static void on_error(struct producer *producer, rd_kafka_event_t *event)
{
    const char *text = rd_kafka_event_error_string(event);

    if (rd_kafka_event_error_is_fatal(event)) {
        die(producer, text);
        return;
    }
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        LOG_WARN("kafka_brokers_lost", KV_STR("error", text));
        topic_health_lost(&producer->health);
        check_soon(producer);
        return;
    }
    /* librdkafka mends the others by itself. */
    LOG_DEBUG("kafka_error", KV_STR("error", text));
}

static void on_event(struct producer *producer, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t last = RD_KAFKA_RESP_ERR_NO_ERROR;
    const rd_kafka_message_t *message;
    const int64_t now_us = loop_clock_us(producer->options.loop);
    uint64_t failed = 0;

    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        while ((message = rd_kafka_event_message_next(event)) != NULL) {
            last = message->err ? message->err : last;
            failed += message->err ? 1 : 0;
            on_report(producer, message, now_us);
        }
        if (failed > 0) {
            LOG_WARN("kafka_reports_failed", KV_STR("topic", producer->options.topic),
                     KV_U64("count", failed), KV_STR("last", rd_kafka_err2str(last)));
            check_soon(producer);
        }
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        on_error(producer, event);
    }
    rd_kafka_event_destroy(event);
}

/* The descriptor first, then the queue until it is empty: librdkafka wakes us once and is silent
 * until then (K1). Left over at the turn's bound: we wake ourselves. */
static void on_wake(void *arg, int what)
{
    struct producer *producer = arg;
    rd_kafka_event_t *event;
    uint64_t count;
    ssize_t done = read(producer->event_fd, &count, sizeof count);

    (void)what;
    (void)done; /* nothing to read: no harm, we look anyway */
    if (producer->state != STATE_LIVE) {
        return;
    }
    for (int i = 0; i < EVENTS_PER_TURN_MAX; i++) {
        event = rd_kafka_queue_poll(producer->client.queue, 0);
        if (!event) {
            return;
        }
        on_event(producer, event);
    }
    wake(producer);
}

/* --- the helper's jobs */

static void submit(struct producer *producer, work_run_fn *run, work_done_fn *done)
{
    enum err err = work_submit(producer->helper, run, done, producer);

    ASSERT(err == ERR_OK); /* there is room for one job of each kind */
}

static void check_run(void *arg, void *thread_state)
{
    struct producer *producer = arg;

    (void)thread_state;
    topic_check_run(producer->check_handle, producer->options.topic, CHECK_TIMEOUT_MS,
                    &producer->check);
}

static void check_done(void *arg)
{
    struct producer *producer = arg;
    const char *why = "";
    const bool was_ready = topic_health_is_ready(&producer->health, &why);

    producer->is_checking = false;
    topic_health_checked(&producer->health, &producer->check);
    const bool is_ready = topic_health_is_ready(&producer->health, &why);
    if (is_ready != was_ready) {
        LOG_INFO("kafka_topic_checked", KV_STR("topic", producer->options.topic),
                 KV_BOOL("ready", is_ready), KV_STR("why", is_ready ? "" : why),
                 KV_STR("weakness", topic_health_weakness(&producer->health)));
    }
    if (!producer->is_closing) {
        timer_start_ms(&producer->check_timer, is_ready && producer->check.status == ERR_OK
                                                   ? CHECK_READY_MS
                                                   : CHECK_UNREADY_MS);
    }
}

static void start_check(void *arg)
{
    struct producer *producer = arg;

    producer->is_check_soon = false;
    if (producer->is_checking || producer->state != STATE_LIVE) {
        return;
    }
    producer->check_handle = producer->client.handle;
    producer->is_checking = true;
    submit(producer, check_run, check_done);
}

static void retire_run(void *arg, void *thread_state)
{
    struct producer *producer = arg;

    (void)thread_state;
    producer_client_destroy(&producer->retired);
}

static void retire_done(void *arg)
{
    struct producer *producer = arg;

    producer->is_retiring = false;
}

static void renew_run(void *arg, void *thread_state)
{
    struct producer *producer = arg;

    (void)thread_state;
    if (producer_client_make(&producer->client_options, producer->error, &producer->renewed)
        != ERR_OK) {
        producer->renewed = (struct producer_client){0};
    }
}

static void on_renewed(void *arg)
{
    struct producer *producer = arg;

    if (!producer->renewed.handle) {
        LOG_ERROR("kafka_producer_not_made", KV_STR("error", producer->error));
        if (!producer->is_closing) {
            timer_start_ms(&producer->dead_timer, RENEW_RETRY_MS);
        }
        return;
    }
    install(producer, &producer->renewed);
    LOG_INFO("kafka_producer_made", KV_STR("topic", producer->options.topic));
    if (!producer->is_closing) {
        start_check(producer);
        producer->is_retiring = true;
        submit(producer, retire_run, retire_done);
    }
}

/* A fatal error: nothing more will come of this handle. Those that wait are told so, then its
 * successor is made, and the helper destroys it. */
static void on_dead(void *arg)
{
    struct producer *producer = arg;
    rd_kafka_event_t *event;

    if (producer->is_retiring) {
        timer_start_ms(&producer->dead_timer, RENEW_RETRY_MS);
        return;
    }
    if (producer->state == STATE_LIVE) {
        while ((event = rd_kafka_queue_poll(producer->client.queue, 0)) != NULL) {
            on_event(producer, event);
        }
        timer_stop(&producer->dead_timer);
        timer_stop(&producer->check_timer);
        producer->state = STATE_DEAD;
        topic_health_init(&producer->health, producer->options.message_timeout_ms);
        metrics_add(producer->options.shard, METRIC_kafka_fatal_total, 0, 1);
        rd_kafka_queue_io_event_enable(producer->client.queue, -1, NULL, 0);
        producer->retired = producer->client;
        producer->client = (struct producer_client){0};
        lose_all(producer);
    }
    submit(producer, renew_run, on_renewed);
}

static void flush_run(void *arg, void *thread_state)
{
    struct producer *producer = arg;

    (void)thread_state;
    /* Waits only, and has linger ignored meanwhile: the loop goes on serving reports (K2). */
    (void)rd_kafka_flush(producer->flush_handle, FLUSH_MS);
}

static void flush_done(void *arg)
{
    struct producer *producer = arg;

    producer->is_flushing = false;
}

/* --- the door */

struct producer *producer_create(const struct producer_options *options)
{
    struct producer *producer = calloc(1, sizeof *producer);
    struct producer_client client = {0};

    if (!producer) {
        return NULL;
    }
    producer->options = *options;
    producer->client_options =
        (struct producer_client_options){.brokers = options->brokers,
                                         .topic = options->topic,
                                         .client_name = options->client_name,
                                         .linger_ms = options->linger_ms,
                                         .message_timeout_ms = options->message_timeout_ms,
                                         .records_max = options->records_max};
    topic_health_init(&producer->health, producer->options.message_timeout_ms);
    timer_init(&producer->dead_timer, options->loop, on_dead, producer);
    timer_init(&producer->check_timer, options->loop, start_check, producer);
    producer->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    producer->pending = pending_create(options->records_max);
    if (producer->event_fd < 0 || !producer->pending) {
        goto fail;
    }
    if (producer_client_make(&producer->client_options, producer->error, &client) != ERR_OK) {
        LOG_ERROR("kafka_producer_not_made", KV_STR("error", producer->error));
        goto fail;
    }
    install(producer, &client);
    producer->watch =
        loop_watch_create(options->loop, producer->event_fd, LOOP_READ, on_wake, producer);
    producer->helper = work_pool_create(&(struct work_pool_options){
        .loop = options->loop, .thread_count = 1, .queue_max = HELPER_QUEUE_MAX});
    if (!producer->watch || !producer->helper) {
        goto fail;
    }
    start_check(producer);
    return producer;
fail:
    producer_destroy(producer);
    return NULL;
}

void producer_destroy(struct producer *producer)
{
    if (!producer) {
        return;
    }
    ASSERT(!producer->in_callback);
    producer->is_closing = true;
    timer_stop(&producer->dead_timer);
    timer_stop(&producer->check_timer);
    /* First the helper: its jobs use the handles. Their ends may start timers no more. */
    work_pool_destroy(producer->helper);
    producer->helper = NULL;
    loop_watch_destroy(producer->watch);
    producer->watch = NULL;
    if (producer->pending) {
        lose_all(producer);
    }
    producer_client_destroy(&producer->retired);
    producer_client_destroy(&producer->client);
    pending_destroy(producer->pending);
    if (producer->event_fd >= 0) {
        (void)close(producer->event_fd);
    }
    free(producer);
}

enum err producer_append(struct producer *producer, const void *key, size_t key_size,
                         const void *bytes, size_t size, producer_done_fn *done, void *arg)
{
    struct pending_record record = {.done = done, .arg = arg};
    uint64_t handle;

    loop_assert_owner(producer->options.loop);
    if (producer->state != STATE_LIVE || timer_is_running(&producer->dead_timer)
        || producer->is_closing) {
        return ERR_UNAVAILABLE;
    }
    record.appended_us = loop_clock_us(producer->options.loop);
    handle = pending_put(producer->pending, &record);
    if (handle == 0) {
        return ERR_BUSY;
    }
    if (FAILPOINT_FAILS(producer_fatal)) {
        producer_inject_fatal(producer);
    }
    if (rd_kafka_produce(producer->client.topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         (void *)(uintptr_t)bytes, size, key, key_size, (void *)(uintptr_t)handle)
        == 0) {
        return ERR_OK;
    }
    (void)pending_take(producer->pending, handle, &record);
    if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__FATAL) {
        die(producer, "refused a record");
    }
    return producer_client_refusal(rd_kafka_last_error());
}

void producer_flush_soon(struct producer *producer)
{
    loop_assert_owner(producer->options.loop);
    if (producer->state != STATE_LIVE || producer->is_flushing
        || pending_count(producer->pending) == 0) {
        return;
    }
    producer->flush_handle = producer->client.handle;
    producer->is_flushing = true;
    submit(producer, flush_run, flush_done);
}

uint32_t producer_inflight_count(const struct producer *producer)
{
    return pending_count(producer->pending);
}

int64_t producer_oldest_us(const struct producer *producer)
{
    return pending_oldest_us(producer->pending);
}

bool producer_is_ready(const struct producer *producer, const char **ret_why)
{
    if (producer->state != STATE_LIVE) {
        *ret_why = "the Kafka producer is being made anew";
        return false;
    }
    return topic_health_is_ready(&producer->health, ret_why);
}

bool producer_is_doubted(const struct producer *producer)
{
    return topic_health_is_doubted(&producer->health, loop_now_us(producer->options.loop));
}

const struct topic_health *producer_health(const struct producer *producer)
{
    return &producer->health;
}

void producer_inject_fatal(struct producer *producer)
{
    loop_assert_owner(producer->options.loop);
    if (producer->state == STATE_LIVE) {
        (void)rd_kafka_test_fatal_error(producer->client.handle,
                                        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                        "injected for a test");
    }
}
