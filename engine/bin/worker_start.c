#include "bin/worker_start.h"

#include <stdio.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_settings.h"
#include "journal/order_log_blocking.h"
#include "ledger/migrations.h"
#include "ledger/mysql_durability.h"
#include "ledger/mysql_link.h"
#include "loop/waiter.h"

enum { START_TRIES = 60, START_PAUSE_MS = 500, KAFKA_TIMEOUT_MS = 5000 };

int worker_refuse(const char *what, const char *why)
{
    fprintf(stderr, "seckill-worker: %s: %s\n", what, why);
    return 1;
}

void worker_start_options(const struct conf *conf, struct mysql_link_options *ret_mysql,
                          struct redis_blocking_options *ret_redis)
{
    *ret_mysql = (struct mysql_link_options){
        .host = conf->mysql_host,
        .port = conf->mysql_port,
        .user = conf->mysql_user,
        .password = conf->mysql_password,
        .database = conf->mysql_database,
        .timeout_ms = conf->mysql_timeout_ms,
    };
    *ret_redis = (struct redis_blocking_options){
        .address = conf->redis_address,
        .port = (uint16_t)conf->redis_port,
        .user = conf->redis_user,
        .password = conf->redis_password,
        .client_name = "seckill-worker",
        .connect_timeout_ms = conf->redis_connect_timeout_ms,
        .reply_timeout_ms = conf->redis_reply_timeout_ms,
    };
}

/* The schema, and what the server promises. MySQL may come up later: it is waited for. */
static int prepare_mysql(const struct worker_start *start)
{
    struct mysql_link *link = mysql_link_create(start->mysql);
    const char *why = NULL;
    uint32_t version = 0;
    enum err err = link ? ERR_UNAVAILABLE : ERR_NO_MEMORY;

    for (int i = 0; i < START_TRIES && (err == ERR_UNAVAILABLE || err == ERR_BUSY); i++) {
        err = mysql_link_ensure(link);
        err = err == ERR_OK
                  ? migrations_run(link, migrations_embedded, migrations_embedded_count, &version)
                  : err;
        if (err == ERR_UNAVAILABLE || err == ERR_BUSY) {
            LOG_WARN("mysql_awaited", KV_STR("mysql", mysql_link_error_text(link)));
            (void)waiter_sleep_ms(start->waiter, START_PAUSE_MS);
        }
    }
    err = err == ERR_OK ? mysql_durability_check(link, &why) : err;
    int status = 0;
    if (err != ERR_OK) {
        status = worker_refuse("MySQL", link ? mysql_link_error_text(link) : err_text(err));
    } else if (why && start->conf->strict) {
        status = worker_refuse("MySQL promises too little (strict)", why);
    } else {
        LOG_INFO("schema_ready", KV_U64("version", version));
    }
    if (status == 0 && why) {
        LOG_WARN("durability_degraded", KV_STR("service", "mysql"), KV_STR("why", why));
        metrics_set(start->shard, METRIC_durability_degraded, 0, 1);
    }
    mysql_link_destroy(link);
    return status;
}

static int prepare_redis(const struct worker_start *start)
{
    struct redis_blocking *redis = redis_blocking_create(start->redis);
    struct redis_settings settings;
    const enum err err = redis ? redis_settings_read(redis, &settings) : ERR_NO_MEMORY;
    int status = 0;

    if (err == ERR_OK && redis_settings_fault(&settings)) {
        status = worker_refuse("Redis", redis_settings_fault(&settings));
    } else if (err == ERR_OK && redis_settings_weakness(&settings)) {
        LOG_WARN("durability_degraded", KV_STR("service", "redis"),
                 KV_STR("why", redis_settings_weakness(&settings)));
        metrics_set(start->shard, METRIC_durability_degraded, 0, 1);
        status = start->conf->strict ? worker_refuse("Redis promises too little (strict)",
                                                     redis_settings_weakness(&settings))
                                     : 0;
    } else if (err != ERR_OK) {
        /* Settling does not need Redis: it goes on, and the relay tells. */
        LOG_WARN("redis_unread",
                 KV_STR("redis", redis ? redis_blocking_trouble(redis) : err_text(err)),
                 KV_STR("next", "orders are settled; loads and changes wait"));
    }
    redis_blocking_destroy(redis);
    return status;
}

/* A missing topic is a wrong installation: said now, not by silence later. */
static int prepare_topic(const struct worker_start *start, const char *topic)
{
    const struct order_log_blocking_options options = {
        .brokers = start->conf->kafka_brokers,
        .topic = topic,
        .client_name = "seckill-worker-start",
    };
    uint64_t ends[LOG_PARTITIONS_MAX];
    uint32_t partitions = 0;
    struct order_log_blocking *log = NULL;

    enum err err = order_log_blocking_create(&options, &log);
    err = err == ERR_OK ? order_log_blocking_ends(log, KAFKA_TIMEOUT_MS, ends, &partitions) : err;
    order_log_blocking_destroy(log);
    if (err == ERR_NOT_FOUND) {
        return worker_refuse("Kafka has no such topic", topic);
    }
    if (err == ERR_CONFIG) {
        return worker_refuse("Kafka", "librdkafka refuses kafka.brokers");
    }
    if (err != ERR_OK) {
        LOG_WARN("kafka_awaited", KV_STR("topic", topic),
                 KV_STR("brokers", start->conf->kafka_brokers), KV_STR("error", err_name(err)),
                 KV_STR("next", "consumers go on trying"));
    }
    return 0;
}

int worker_start_check(const struct worker_start *start)
{
    int status = prepare_mysql(start);

    status = status ? status : prepare_redis(start);
    status = status ? status : prepare_topic(start, start->conf->kafka_orders_topic);
    return status ? status : prepare_topic(start, start->conf->kafka_notices_topic);
}
