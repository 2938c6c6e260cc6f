/* seckill-worker: the consumer. Builds bottom up, runs, destroys in reverse.
 *
 * main thread       loop: admin API, operations listener, signals
 * checking thread   asks the services before all else; ends    bin/worker_start
 * threads           consumers, relays                    bin/worker_threads, a row each
 * guard's threads   whether Redis answers, finds sales   bin/worker_guard
 *                   that it lost, loads them
 * pool threads      MySQL calls of the admin API         admin/admin_api */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin_api.h"
#include "api/api_ops.h"
#include "bin/command_line.h"
#include "bin/worker_guard.h"
#include "bin/worker_start.h"
#include "bin/worker_threads.h"
#include "common/assert.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/secret.h"
#include "inventory/redis_blocking.h"
#include "ledger/mysql_link.h"
#include "loop/waiter.h"
#include "settlement/redis_watch.h"

enum {
    OWNER_SIZE = 64,
    TOKEN_SIZE_MIN = 16,
    LOG_STOP_MS = 1000,
    ADMIN_TIMEOUT_MS = 5000,
    ADMIN_IDLE_MS = 60000,
    ADMIN_CONNECTIONS = 256,
};

static const struct command_line line = {
    .program = "seckill-worker",
    .summary = "The consumer: Kafka to MySQL, the SQL outbox to Redis, the admin API.",
    .role = CONF_ROLE_WORKER,
};

/* What SIGHUP reads again. */
struct arguments {
    int count;
    char **texts;
};

struct worker {
    struct conf conf;
    struct arguments arguments;
    char owner[OWNER_SIZE];
    struct secret token;
    struct metrics *metrics;
    struct metrics_shard *shard; /* of the main loop */
    struct loop *loop;
    struct waiter *waiter;
    struct mysql_link_options mysql;
    struct redis_blocking_options redis;
    struct worker_start check;
    pthread_t checking;
    int status;      /* of the process */
    bool is_started; /* the services were asked, and all below is there */
    bool has_failed; /* it was not: the loop ends with `status` */
    struct worker_guard *guard;
    struct worker_threads *threads;
    struct admin_api *admin;
    struct http_server *admin_server;
    struct api_ops *ops;
    struct http_server *ops_server;
    struct loop_watch *signals[3];
    uint64_t dropped_count; /* log lines, as counted at the last scrape */
    uint32_t draining;      /* servers not drained yet */
    bool is_draining;
};

static void add_blocked(struct worker *worker, struct api_ops_causes *causes)
{
    char why[GUARD_WHY_SIZE];

    if (worker->guard != NULL && worker_guard_blocked(worker->guard, why) > 0) {
        api_ops_cause_add(causes, "load-blocked", why);
    }
}

static void on_ready(void *arg, struct api_ops_causes *causes)
{
    struct worker *worker = arg;
    char why[REDIS_WATCH_TEXT_SIZE];

    if (worker->threads != NULL) {
        worker_threads_causes(worker->threads, causes);
    }
    if (worker->guard != NULL && worker_guard_is_redis_away(worker->guard, why)) {
        api_ops_cause_add(causes, "redis", why);
    }
    add_blocked(worker, causes);
    if (worker->is_draining) {
        api_ops_cause_add(causes, "draining", "SIGTERM");
    }
}

static void on_refresh(void *arg)
{
    struct worker *worker = arg;
    const uint64_t dropped_count = log_dropped_count();

    metrics_add(worker->shard, METRIC_log_dropped_total, 0, dropped_count - worker->dropped_count);
    worker->dropped_count = dropped_count;
}

static void stop_loop(struct worker *worker)
{
    if (worker->draining == 0) {
        loop_stop(worker->loop);
    }
}

static void on_drained(void *arg)
{
    struct worker *worker = arg;

    worker->draining--;
    stop_loop(worker);
}

static void on_signal(void *arg)
{
    struct worker *worker = arg;

    if (worker->has_failed) {
        return; /* the process is ending, and there are no servers to drain */
    }
    if (!worker->is_started) {
        /* Nothing was begun that must end in order, and a thread may wait for a service. */
        LOG_INFO("stopped_before_start", KV_STR("why", "it still waited for its services"));
        log_stop(LOG_STOP_MS);
        _exit(0);
    }
    if (worker->is_draining) {
        LOG_WARN("stopped_at_once", KV_STR("why", "second signal"));
        log_stop(LOG_STOP_MS);
        _exit(1);
    }
    LOG_INFO("draining", KV_STR("next", "admin requests in work end, then the process"));
    worker->is_draining = true;
    waiter_stop(worker->waiter); /* loads, audits, consumers and the relay come to their ends */
    worker->draining = 2;
    http_server_drain(worker->admin_server, on_drained, worker);
    http_server_drain(worker->ops_server, on_drained, worker);
}

static void on_hangup(void *arg)
{
    const struct arguments *arguments = arg;

    command_line_reload(&line, arguments->count, arguments->texts);
}

/* --- start --- */

static void fill_options(struct worker *worker)
{
    worker_start_options(&worker->conf, &worker->mysql, &worker->redis);
    char host[32] = "";
    gethostname(host, sizeof host - 1);
    snprintf(worker->owner, sizeof worker->owner, "%.31s:%ld", host, (long)getpid());
}

static int start_threads(struct worker *worker)
{
    const struct worker_threads_options options = {
        .conf = &worker->conf,
        .mysql = &worker->mysql,
        .redis = &worker->redis,
        .waiter = worker->waiter,
        .owner = worker->owner,
        .metrics = worker->metrics,
    };

    worker->threads = worker_threads_create(&options);
    return worker->threads && worker_threads_start(worker->threads) == ERR_OK
               ? 0
               : worker_refuse("threads", "no memory");
}

static struct http_server_options server_options(struct worker *worker, const char *address,
                                                 uint32_t port)
{
    return (struct http_server_options){
        .loop = worker->loop,
        .address = address,
        .port = (uint16_t)port,
        .connections_max = ADMIN_CONNECTIONS,
        .exchanges_max = ADMIN_CONNECTIONS,
        .pipeline_max = 1,
        .header_timeout_ms = ADMIN_TIMEOUT_MS,
        .body_timeout_ms = ADMIN_TIMEOUT_MS,
        .idle_timeout_ms = ADMIN_IDLE_MS,
        .write_timeout_ms = ADMIN_TIMEOUT_MS,
        .shard = worker->shard,
        .requests_metric = METRIC_admin_requests_total,
    };
}

/* Its loads are there before the admin API, its threads run last. */
static int make_guard(struct worker *worker)
{
    const struct worker_guard_options options = {
        .conf = &worker->conf,
        .mysql = &worker->mysql,
        .redis = &worker->redis,
        .waiter = worker->waiter,
        .owner = worker->owner,
        .metrics = worker->metrics,
    };

    worker->guard = worker_guard_create(&options);
    return worker->guard ? 0 : worker_refuse("guard", "no memory");
}

static int start_guard(struct worker *worker)
{
    return worker_guard_start(worker->guard) == ERR_OK ? 0
                                                       : worker_refuse("guard thread", "no memory");
}

static int start_admin(struct worker *worker)
{
    struct http_route routes[ADMIN_ROUTES_MAX];
    char error[HTTP_ERROR_SIZE] = "";
    const struct admin_api_options options = {
        .loop = worker->loop,
        .conf = &worker->conf,
        .mysql = worker->mysql,
        .redis = worker->redis,
        .waiter = worker->waiter,
        .owner = worker->owner,
        .token = worker->token.data,
        .loads = worker_guard_loads(worker->guard),
        .audit_shard = worker->shard,
    };

    worker->admin = admin_api_create(&options);
    if (!worker->admin) {
        return worker_refuse("admin API", "no memory");
    }
    struct http_server_options server =
        server_options(worker, worker->conf.worker_admin_address, worker->conf.worker_admin_port);
    server.route_count = admin_api_routes(worker->admin, routes);
    server.routes = routes;
    if (http_server_create(&server, &worker->admin_server, error) != ERR_OK) {
        return worker_refuse("admin API", error);
    }
    return 0;
}

static int start_ops(struct worker *worker)
{
    struct http_route routes[API_OPS_ROUTES];
    char error[HTTP_ERROR_SIZE] = "";
    const struct api_ops_options options = {
        .metrics = worker->metrics,
        .process = METRICS_WORKER,
        .ready = on_ready,
        .refresh = on_refresh,
        .arg = worker,
    };

    worker->ops = api_ops_create(&options);
    if (!worker->ops) {
        return worker_refuse("operations listener", "no memory");
    }
    api_ops_routes(worker->ops, routes);
    struct http_server_options server =
        server_options(worker, worker->conf.worker_ops_address, worker->conf.worker_ops_port);
    server.routes = routes;
    server.route_count = API_OPS_ROUTES;
    server.shard = NULL; /* its connections and requests are not the admin API's */
    if (http_server_create(&server, &worker->ops_server, error) != ERR_OK) {
        return worker_refuse("operations listener", error);
    }
    return 0;
}

static int start_ground(struct worker *worker)
{
    const struct loop_options options = {.name = "worker"};

    worker->metrics = metrics_create();
    worker->waiter = waiter_create();
    worker->loop = loop_create(&options);
    if (!worker->metrics || !worker->waiter || !worker->loop) {
        return worker_refuse("start", "no memory");
    }
    worker->shard = metrics_shard(worker->metrics);
    worker->signals[0] = loop_signal_create(worker->loop, SIGTERM, on_signal, worker);
    worker->signals[1] = loop_signal_create(worker->loop, SIGINT, on_signal, worker);
    worker->signals[2] = loop_signal_create(worker->loop, SIGHUP, on_hangup, &worker->arguments);
    if (secret_read(worker->conf.worker_admin_token_file, TOKEN_SIZE_MIN, &worker->token)
        != ERR_OK) {
        return worker_refuse("worker.admin_token_file",
                             "cannot be read, or holds fewer than 16 bytes");
    }
    return 0;
}

static void on_checked(void *arg)
{
    struct worker *worker = arg;
    int status = worker->status;

    status = status ? status : make_guard(worker);
    status = status ? status : start_admin(worker);
    status = status ? status : start_ops(worker);
    status = status ? status : start_threads(worker);
    status = status ? status : start_guard(worker);
    worker->status = status;
    worker->is_started = status == 0;
    worker->has_failed = status != 0;
    if (status != 0) {
        loop_stop(worker->loop);
        return;
    }
    LOG_INFO("worker_started", KV_STR("owner", worker->owner),
             KV_U64("admin_port", http_server_port(worker->admin_server)),
             KV_U64("ops_port", http_server_port(worker->ops_server)),
             KV_U64("consumers", worker->conf.worker_consumers));
}

static void *checking_thread(void *arg)
{
    struct worker *worker = arg;

    worker->status = worker_start_check(&worker->check);
    mysql_link_thread_end();
    ASSERT(loop_post(worker->loop, on_checked, worker) == ERR_OK);
    return NULL;
}

/* The services are asked on a thread of its own: a signal ends the process whatever it waits for.
 * The rest is started behind it, on the loop. */
static int start(struct worker *worker)
{
    const int status = start_ground(worker);

    if (status != 0) {
        return status;
    }
    worker->check = (struct worker_start){
        .conf = &worker->conf,
        .mysql = &worker->mysql,
        .redis = &worker->redis,
        .waiter = worker->waiter,
        .shard = worker->shard,
    };
    return pthread_create(&worker->checking, NULL, checking_thread, worker) == 0
               ? 0
               : worker_refuse("start", "no memory");
}

/* In reverse. Also after a start that failed half-way. */
static void stop(struct worker *worker)
{
    if (worker->waiter) {
        waiter_stop(worker->waiter);
    }
    worker_threads_destroy(worker->threads);
    admin_api_destroy(worker->admin);
    worker_guard_destroy(worker->guard);
    http_server_destroy(worker->admin_server);
    http_server_destroy(worker->ops_server);
    api_ops_destroy(worker->ops);
    for (size_t i = 0; i < sizeof worker->signals / sizeof worker->signals[0]; i++) {
        loop_watch_destroy(worker->signals[i]);
    }
    loop_destroy(worker->loop);
    waiter_destroy(worker->waiter);
    metrics_destroy(worker->metrics);
    secret_wipe(&worker->token);
}

int main(int argc, char **argv)
{
    struct worker *worker = calloc(1, sizeof *worker);
    int status = 1;

    if (!worker || !command_line_read(&line, argc, argv, &worker->conf, &status)) {
        free(worker);
        return status;
    }
    worker->arguments = (struct arguments){argc, argv};
    signal(SIGPIPE, SIG_IGN);
    command_line_start_log(&worker->conf);
    status = mysql_link_library_start() == ERR_OK
                 ? 0
                 : worker_refuse("MySQL", "the client library does not start");
    fill_options(worker);
    status = status ? status : start(worker);
    if (status == 0) {
        loop_run(worker->loop);
        pthread_join(worker->checking, NULL);
        status = worker->status;
    }
    if (status == 0) {
        LOG_INFO("worker_stopped", KV_STR("owner", worker->owner));
    }
    stop(worker);
    mysql_link_library_stop();
    log_stop(LOG_STOP_MS);
    free(worker);
    return status;
}
