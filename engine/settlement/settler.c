#include "settlement/settler.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "journal/consumer.h"
#include "loop/waiter.h"
#include "settlement/settle.h"
#include "settlement/settle_sweep.h"

enum {
    WAIT_MS = 100, /* for the first record of a poll */
    FILL_MS = 5,   /* for a fuller batch */
    BACK_OFF_FIRST_MS = 50,
    BACK_OFF_LAST_MS = 2000,
    NEWER_EPOCH_MS = 1000, /* a partition that waits for MySQL's epoch is tried again */
    RECLAIM_MS =
        30000, /* one that a gap stopped is claimed again: an operator may have mended it */
    FATAL_MS = 1000,
    GROUP_SIZE = 256,
};

/* A partition of this thread. */
struct place {
    struct settle *settle; /* owned; NULL: not assigned */
    int64_t resume_us;     /* 0: not waiting for a newer epoch, nor stopped */
    bool is_gap;           /* stopped: its place is asked for anew */
    const char *stop;      /* static: why it waits; NULL: the consumer knows */
};

struct settler {
    struct settler_options options;
    struct consumer *consumer; /* owned */
    struct place places[CONSUMER_PARTITIONS_MAX];
    unsigned char *records;    /* owned, SETTLE_BATCH_MAX of the kind's */
    struct settle_item *items; /* owned, SETTLE_BATCH_MAX */
    int64_t oldest_ms;         /* wall clock of the oldest record in hand; 0: none */
    bool is_lost;              /* of the partition in work: it was taken away meanwhile */
    uint32_t working_partition;
    struct settle_sweep sweep;
    char why[SETTLER_TEXT_SIZE]; /* MySQL is away, or the group cannot be joined; "" */
    pthread_mutex_t mutex;       /* of `state` only */
    struct settler_state state;
};

/* What one partition's records of a poll are. */
struct run {
    uint32_t partition;
    const struct consumer_record *records;
    size_t count;
};

struct settler *settler_create(const struct settler_options *options)
{
    struct settler *settler = calloc(1, sizeof *settler);

    if (!settler) {
        return NULL;
    }
    pthread_mutex_init(&settler->mutex, NULL);
    settler->options = *options;
    settler->sweep = (struct settle_sweep){.kind = options->kind,
                                           .link = options->mysql,
                                           .waiter = options->waiter,
                                           .shard = options->shard};
    settler->records = calloc(SETTLE_BATCH_MAX, options->kind->record_size);
    settler->items = calloc(SETTLE_BATCH_MAX, sizeof *settler->items);
    if (!settler->records || !settler->items) {
        settler_destroy(settler);
        return NULL;
    }
    return settler;
}

void settler_destroy(struct settler *settler)
{
    if (!settler) {
        return;
    }
    ASSERT(!settler->consumer);
    for (size_t i = 0; i < CONSUMER_PARTITIONS_MAX; i++) {
        settle_destroy(settler->places[i].settle);
    }
    free(settler->records);
    free(settler->items);
    pthread_mutex_destroy(&settler->mutex);
    free(settler);
}

void settler_look(struct settler *settler, struct settler_state *ret_state)
{
    pthread_mutex_lock(&settler->mutex);
    *ret_state = settler->state;
    pthread_mutex_unlock(&settler->mutex);
}

static uint32_t partition_label(uint32_t partition)
{
    return partition < LABEL_PARTITION_REST ? partition : LABEL_PARTITION_REST;
}

/* One partition that waits; of those behind the first only the numbers. */
static void note_stopped(const struct settler *settler, const struct consumer_place *at,
                         struct settler_state *state)
{
    const struct place *place = &settler->places[at->partition];
    const size_t size = strlen(state->stopped_why);
    char *end = state->stopped_why + size;
    const char *why = at->is_stopped ? consumer_trouble(settler->consumer) : place->stop;

    if (size > 0) {
        snprintf(end, sizeof state->stopped_why - size, "; partition %u, too", at->partition);
    } else if (at->is_stopped && why) { /* it names its partitions */
        snprintf(end, sizeof state->stopped_why, "%s", why);
    } else {
        snprintf(end, sizeof state->stopped_why, "partition %u: %s", at->partition,
                 why ? why : "waits");
    }
    state->stopped_partitions++;
}

/* What is wrong now, whoever found it: that one service is back hides no trouble of the other. */
static void tell_trouble(const struct settler *settler, struct settler_state *state)
{
    const char *kafka = settler->consumer ? consumer_trouble(settler->consumer) : NULL;

    if (settler->why[0] != '\0') {
        memcpy(state->why, settler->why, sizeof state->why);
    } else if (kafka) {
        snprintf(state->why, sizeof state->why, "Kafka: %s", kafka);
    }
    state->is_paused = state->why[0] != '\0';
}

static void publish(struct settler *settler)
{
    struct consumer_place places[CONSUMER_PARTITIONS_MAX];
    struct settler_state state = {0};
    const uint32_t count =
        settler->consumer ? consumer_places(settler->consumer, places, CONSUMER_PARTITIONS_MAX) : 0;

    tell_trouble(settler, &state);
    for (uint32_t i = 0; i < count; i++) {
        const struct place *place = &settler->places[places[i].partition];
        const uint64_t next = place->settle ? settle_next(place->settle) : places[i].next;
        const uint64_t lag = places[i].end > next ? places[i].end - next : 0;
        state.lag_records += lag;
        if (places[i].is_stopped || place->resume_us != 0) {
            note_stopped(settler, &places[i], &state);
        }
        metrics_set(settler->options.shard, settler->options.lag_metric,
                    partition_label(places[i].partition), (int64_t)lag);
    }
    metrics_set(settler->options.shard, METRIC_partitions_stopped, 0, state.stopped_partitions);
    state.partitions = count;
    state.oldest_age_ms =
        settler->oldest_ms > 0 ? waiter_wall_ms(settler->options.waiter) - settler->oldest_ms : 0;
    metrics_set(settler->options.shard, METRIC_oldest_unapplied_age_seconds, 0,
                state.oldest_age_ms);
    pthread_mutex_lock(&settler->mutex);
    settler->state = state;
    pthread_mutex_unlock(&settler->mutex);
}

static void trouble(struct settler *settler, const char *what, const char *why)
{
    snprintf(settler->why, sizeof settler->why, "%s: %s", what, why);
    publish(settler);
}

static enum err on_assign(void *arg, uint32_t partition, uint64_t *ret_next)
{
    struct settler *settler = arg;
    struct place *place = &settler->places[partition];
    const struct settle_options options = {
        .kind = settler->options.kind,
        .link = settler->options.mysql,
        .topic = settler->options.topic,
        .part = partition,
        .owner = settler->options.owner,
        .shard = settler->options.shard,
    };

    ASSERT(partition < CONSUMER_PARTITIONS_MAX);
    settle_destroy(place->settle);
    *place = (struct place){.settle = settle_create(&options)};
    if (!place->settle) {
        return ERR_NO_MEMORY;
    }
    if (settle_claim(place->settle, ret_next) != SETTLE_DONE) {
        settle_destroy(place->settle);
        place->settle = NULL;
        return ERR_UNAVAILABLE;
    }
    LOG_INFO("partition_claimed", KV_STR("topic", settler->options.topic),
             KV_U64("partition", partition), KV_U64("next", *ret_next));
    return ERR_OK;
}

static void on_part(void *arg, uint32_t partition, enum consumer_parting parting)
{
    struct settler *settler = arg;
    struct place *place = &settler->places[partition];

    LOG_INFO("partition_left", KV_STR("topic", settler->options.topic),
             KV_U64("partition", partition), KV_BOOL("lost", parting == CONSUMER_LOST));
    if (partition == settler->working_partition) {
        settler->is_lost = true;
    }
    metrics_set(settler->options.shard, settler->options.lag_metric, partition_label(partition), 0);
    settle_destroy(place->settle);
    *place = (struct place){0};
}

static size_t decode(struct settler *settler, const struct run *run, size_t from)
{
    const struct settle_kind *kind = settler->options.kind;
    size_t count = 0;

    for (; count < SETTLE_BATCH_MAX && from + count < run->count; count++) {
        const struct consumer_record *record = &run->records[from + count];
        struct order_no hint = {0};
        void *into = settler->records + count * kind->record_size;
        const char *fault = kind->read(record->payload, record->payload_size, into, &hint);
        settler->items[count] = (struct settle_item){
            .offset = record->offset,
            .content = fault ? NULL : into,
            .payload = record->payload,
            .payload_size = record->payload_size,
            .hint = hint,
        };
        if (fault) {
            LOG_ERROR("record_unreadable", KV_STR("topic", settler->options.topic),
                      KV_U64("partition", record->partition), KV_U64("offset", record->offset),
                      KV_STR("fault", fault),
                      KV_STR("next", "kept in dead_letters; seckillctl dead list"));
        }
    }
    return count;
}

/* MySQL is away: stay in the group, fetch nothing, try again. False: stopped, or the partition is
 * not ours any more. */
static bool back_off(struct settler *settler, uint32_t *pause_ms)
{
    trouble(settler, "MySQL", mysql_link_error_text(settler->options.mysql));
    (void)consumer_keep_alive(settler->consumer, *pause_ms);
    *pause_ms = *pause_ms * 2 > BACK_OFF_LAST_MS ? BACK_OFF_LAST_MS : *pause_ms * 2;
    return !waiter_is_stopped(settler->options.waiter) && !settler->is_lost;
}

/* Nothing more of the partition until the time is over, then from `offset` on. */
static void wait_at(struct settler *settler, const struct run *run, uint64_t offset, uint32_t ms,
                    const char *why)
{
    struct place *place = &settler->places[run->partition];

    place->stop = why;
    place->resume_us = waiter_now_us(settler->options.waiter) + (int64_t)ms * 1000;
    if (consumer_rewind(settler->consumer, run->partition, offset) != ERR_OK
        || consumer_pause(settler->consumer, run->partition) != ERR_OK) {
        place->resume_us = 0; /* not assigned any more */
    }
}

static void wait_for_epoch(struct settler *settler, const struct run *run, uint64_t offset)
{
    LOG_ERROR(
        "record_of_newer_epoch", KV_U64("partition", run->partition), KV_U64("offset", offset),
        KV_STR("next", "the partition waits; is MySQL the one that this sale was loaded from?"));
    wait_at(settler, run, offset, NEWER_EPOCH_MS, "a record of a newer epoch than MySQL's");
}

/* One partition's records of a poll, in batches. */
static void settle_run(struct settler *settler, const struct run *run)
{
    uint32_t pause_ms = BACK_OFF_FIRST_MS;
    size_t done = 0;

    settler->working_partition = run->partition;
    settler->is_lost = !settler->places[run->partition].settle;
    while (done < run->count && !settler->is_lost) {
        struct settle_stats stats;
        const size_t count_now = decode(settler, run, done);
        const int64_t begun_us = waiter_now_us(settler->options.waiter);
        struct settle *settle = settler->places[run->partition].settle;
        const enum settle_result result = settle_batch(settle, settler->items, count_now, &stats);
        settler->options.kind->count(settler->options.shard, &stats,
                                     waiter_now_us(settler->options.waiter) - begun_us);
        done += stats.taken;
        switch (result) {
        case SETTLE_DONE:
            settler->why[0] = '\0';
            pause_ms = BACK_OFF_FIRST_MS;
            consumer_commit(settler->consumer, run->partition, settle_next(settle));
            break;
        case SETTLE_AGAIN:
            if (!back_off(settler, &pause_ms)) {
                return;
            }
            break;
        case SETTLE_FENCED:
            LOG_WARN("partition_fenced", KV_STR("topic", settler->options.topic),
                     KV_U64("partition", run->partition),
                     KV_STR("next", "another worker owns it; batch dropped, group joined anew"));
            settler->is_lost = true;
            settle_destroy(settle);
            settler->places[run->partition].settle = NULL;
            break;
        case SETTLE_NEWER_EPOCH: wait_for_epoch(settler, run, run->records[done].offset); return;
        case SETTLE_GAP:
            settler->places[run->partition].is_gap = true;
            wait_at(settler, run, settle_next(settle), RECLAIM_MS,
                    "log gap: records are missing in the middle");
            return;
        }
    }
}

/* True when a partition that we hold was claimed by another: only leaving the group mends that. */
static bool settle_records(struct settler *settler, const struct consumer_batch *batch)
{
    bool fenced = false;

    for (size_t from = 0; from < batch->count;) {
        struct run run = {.partition = batch->records[from].partition,
                          .records = &batch->records[from]};
        while (from + run.count < batch->count
               && run.records[run.count].partition == run.partition) {
            run.count++;
        }
        settler->oldest_ms = run.records[0].appended_ms > 0 ? run.records[0].appended_ms : 0;
        settle_run(settler, &run);
        fenced |= consumer_is_assigned(settler->consumer, run.partition)
                  && !settler->places[run.partition].settle;
        from += run.count;
        publish(settler);
    }
    settler->oldest_ms = 0;
    return fenced;
}

/* The group's view of a gap or a place beyond the end: such a partition waits like the others. */
static void find_stopped(struct settler *settler)
{
    struct consumer_place places[CONSUMER_PARTITIONS_MAX];
    const uint32_t count = consumer_places(settler->consumer, places, CONSUMER_PARTITIONS_MAX);

    for (uint32_t i = 0; i < count; i++) {
        struct place *place = &settler->places[places[i].partition];
        if (places[i].is_stopped && place->settle && place->resume_us == 0) {
            place->is_gap = true;
            place->stop = NULL;
            place->resume_us = waiter_now_us(settler->options.waiter) + (int64_t)RECLAIM_MS * 1000;
        }
    }
}

/* After a gap MySQL tells the place anew: whoever mended it may have moved it. */
static enum err resume(struct settler *settler, uint32_t partition)
{
    struct place *place = &settler->places[partition];

    if (place->is_gap) {
        uint64_t next = 0;
        if (settle_claim(place->settle, &next) != SETTLE_DONE) {
            return ERR_UNAVAILABLE;
        }
        const enum err err = consumer_rewind(settler->consumer, partition, next);
        if (err != ERR_OK) {
            return err;
        }
        LOG_INFO("partition_claimed_again", KV_STR("topic", settler->options.topic),
                 KV_U64("partition", partition), KV_U64("next", next));
    }
    return consumer_resume(settler->consumer, partition);
}

static void resume_waiting(struct settler *settler)
{
    const int64_t now_us = waiter_now_us(settler->options.waiter);

    find_stopped(settler);
    for (uint32_t i = 0; i < CONSUMER_PARTITIONS_MAX; i++) {
        struct place *place = &settler->places[i];
        if (place->resume_us == 0 || now_us < place->resume_us) {
            continue;
        }
        const enum err err = resume(settler, i);
        if (err == ERR_UNAVAILABLE) {
            place->resume_us = now_us + (int64_t)RECLAIM_MS * 1000;
            continue;
        }
        place->resume_us = 0;
        place->is_gap = false;
        if (err != ERR_OK) {
            LOG_INFO("partition_gone", KV_STR("topic", settler->options.topic),
                     KV_U64("partition", i)); /* another member has it */
        }
    }
}

/* What the kind has to do beside its records. The first thread does it for all. */
static void sweep(struct settler *settler)
{
    if (settler->options.kind->sweep && settler->options.index == 0
        && settle_sweep_round(&settler->sweep) != ERR_OK) {
        trouble(settler, "MySQL", mysql_link_error_text(settler->options.mysql));
    }
}

/* True: the consumer must be made anew. */
static bool poll_once(struct settler *settler)
{
    struct consumer_batch batch = {0};
    bool renew = false;

    switch (consumer_poll(settler->consumer, WAIT_MS, FILL_MS, &batch)) {
    case CONSUMER_BATCH: renew = settle_records(settler, &batch); break;
    case CONSUMER_IDLE: break;
    case CONSUMER_GAP:
    case CONSUMER_BEYOND_END:
        LOG_ERROR("partition_stopped", KV_STR("topic", settler->options.topic),
                  KV_STR("why", consumer_trouble(settler->consumer)),
                  KV_STR("next", "RUNBOOK: a partition is stopped; it is never skipped"));
        break;
    case CONSUMER_FATAL:
        LOG_ERROR("consumer_lost", KV_STR("topic", settler->options.topic),
                  KV_STR("why", consumer_trouble(settler->consumer)), KV_STR("next", "made anew"));
        renew = true;
        break;
    }
    consumer_release(settler->consumer);
    resume_waiting(settler);
    settler->why[0] = '\0';
    /* The session must not run into its idle time-out (M10) while there is nothing to settle. */
    if (batch.count == 0 && mysql_link_ensure(settler->options.mysql) != ERR_OK) {
        trouble(settler, "MySQL", mysql_link_error_text(settler->options.mysql));
    }
    sweep(settler);
    publish(settler);
    return renew;
}

static bool join(struct settler *settler)
{
    const struct conf *conf = settler->options.conf;
    char name[64], group[GROUP_SIZE];
    char error[CONSUMER_TEXT_SIZE] = "";
    const struct consumer_options options = {
        .brokers = conf->kafka_brokers,
        .topic = settler->options.topic,
        .group = group,
        .client_name = name,
        .batch_max = conf->worker_batch_max,
        .on_assign = on_assign,
        .on_part = on_part,
        .arg = settler,
    };

    snprintf(group, sizeof group, "%s%s", settler->options.group,
             settler->options.group_suffix ? settler->options.group_suffix : "");
    snprintf(name, sizeof name, "%s-%u", settler->options.client_name, settler->options.index);
    settler->working_partition = UINT32_MAX;
    if (consumer_create(&options, error, &settler->consumer) == ERR_OK) {
        return true;
    }
    settler->consumer = NULL;
    trouble(settler, "Kafka", error);
    LOG_ERROR("consumer_refused", KV_STR("topic", settler->options.topic), KV_STR("why", error),
              KV_STR("next", "tried again"));
    return false;
}

void settler_run(struct settler *settler)
{
    while (!waiter_is_stopped(settler->options.waiter)) {
        bool renew = !join(settler);
        while (!renew && !waiter_is_stopped(settler->options.waiter)) {
            renew = poll_once(settler);
        }
        consumer_destroy(settler->consumer);
        settler->consumer = NULL;
        if (renew) {
            (void)waiter_sleep_ms(settler->options.waiter, FATAL_MS);
        }
    }
    mysql_link_drop(settler->options.mysql);
}
