/* engine.c: create → run → drain → destroy. */
#include "bin/engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission/identity.h"
#include "api/api_ops.h"
#include "bin/reactor.h"
#include "bin/reactor_causes.h"
#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/secret.h"
#include "http/http_server.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "payments/provider.h"

enum {
    REACTORS_MAX = 64,
    ALIVE_US = 5000000, /* a reactor that told nothing for so long does not turn (FE13) */
    OPS_CONNECTIONS_MAX = 256,
    STATUS_AT_ONCE = 1,
};

/* A reactor as main saw it last. */
struct watched_reactor {
    struct reactor *reactor; /* owned */
    struct reactor_state state;
    int64_t told_us; /* 0: never */
    bool is_drained;
};

struct engine {
    const struct conf *conf;   /* borrowed */
    struct payments *payments; /* owned, like the next four; all reactors read it */
    struct metrics *metrics;
    struct loop *loop;
    struct api_ops *ops;
    struct http_server *ops_server;
    struct loop_watch *on_term, *on_int, *on_hup; /* owned */
    struct metrics_shard *shard;                  /* the registry's */
    struct watched_reactor reactors[REACTORS_MAX];
    uint32_t reactor_count;
    struct timer drain_timer;
    uint64_t dropped_count;                /* log lines, as far as they are in the metric */
    bool is_log_judged, is_notices_judged; /* strict mode */
    bool is_cut;                           /* the drain took too long */
    char refusal[ENGINE_ERROR_SIZE];       /* why it stops by itself; "" */
    bool is_draining;                      /* a signal came */
    bool is_degraded; /* Redis promises less than the protocol asks; told at start */
};

/* --- what reactors tell, on their threads --- */

struct posted_state {
    struct engine *engine;
    struct reactor_state state;
};

/* Strict mode refuses to start on weak settings. Kafka's are known once it has answered: that is a
 * part of the start; later they are a matter of readiness. */
static void refuse_weak(struct engine *engine, const char *topic, const char *weakness)
{
    snprintf(engine->refusal, sizeof engine->refusal, "strict: Kafka: %s%s", topic, weakness);
    loop_stop(engine->loop);
}

static void judge_log(struct engine *engine, const struct reactor_state *state)
{
    if (!engine->conf->strict || engine->is_log_judged || !state->is_log_ready) {
        return;
    }
    engine->is_log_judged = true;
    if (state->is_log_weak) {
        refuse_weak(engine, "", state->log_trouble);
    }
}

/* Behind the order log, whose weakness is the graver one, and by the first that is heard of the
 * topic. One that is missing then, and is made later, must not stop an engine that sells. */
static void judge_notices(struct engine *engine, const struct reactor_state *state)
{
    const bool is_its_turn = engine->is_log_judged && engine->refusal[0] == '\0';

    if (!engine->conf->strict || engine->is_notices_judged || !state->is_notices_seen
        || !is_its_turn) {
        return;
    }
    engine->is_notices_judged = true;
    if (state->is_notices_weak) {
        refuse_weak(engine, "the topic of notices: ", state->notices_trouble);
    }
}

static void on_state(void *arg)
{
    struct posted_state *posted = arg;
    struct watched_reactor *watched = &posted->engine->reactors[posted->state.index];

    watched->state = posted->state;
    watched->told_us = loop_clock_us(posted->engine->loop);
    judge_log(posted->engine, &posted->state);
    judge_notices(posted->engine, &posted->state);
    free(posted);
}

static void post_state(void *arg, const struct reactor_state *state)
{
    struct engine *engine = arg;
    struct posted_state *posted = malloc(sizeof *posted);

    if (posted == NULL) {
        return;
    }
    *posted = (struct posted_state){.engine = engine, .state = *state};
    if (loop_post(engine->loop, on_state, posted) != ERR_OK) {
        free(posted);
    }
}

static void post_wish(void *arg, const struct scan_wish *wish)
{
    struct engine *engine = arg;

    reactor_post_wish(engine->reactors[0].reactor, wish);
}

static void post_winners(void *arg, const struct winners *winners)
{
    struct engine *engine = arg;

    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        reactor_post_winners(engine->reactors[i].reactor, winners);
    }
}

/* --- health --- */

static bool is_alive(void *arg)
{
    const struct engine *engine = arg;
    int64_t now_us = loop_clock_us(engine->loop);

    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        int64_t told_us = engine->reactors[i].told_us;
        if (told_us != 0 && told_us < now_us - ALIVE_US && !engine->is_draining) {
            return false;
        }
    }
    return true;
}

static void tell_ready(void *arg, struct api_ops_causes *causes)
{
    struct engine *engine = arg;

    if (engine->is_draining) {
        api_ops_cause_add(causes, "draining", "a signal asked it to end");
    }
    if (!is_alive(engine)) {
        api_ops_cause_add(causes, "stalled", "a reactor does not turn");
    }
    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        const struct watched_reactor *watched = &engine->reactors[i];
        reactor_causes_add(watched->told_us != 0 ? &watched->state : NULL, i, engine->conf->strict,
                           causes);
    }
}

static void refresh_metrics(void *arg)
{
    struct engine *engine = arg;
    bool is_degraded = engine->is_degraded;

    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        is_degraded = is_degraded || engine->reactors[i].state.is_log_weak
                      || engine->reactors[i].state.is_notices_weak;
    }
    metrics_set(engine->shard, METRIC_durability_degraded, 0, is_degraded ? 1 : 0);
    uint64_t dropped_count = log_dropped_count();
    metrics_add(engine->shard, METRIC_log_dropped_total, 0, dropped_count - engine->dropped_count);
    engine->dropped_count = dropped_count;
}

/* --- drain (PITFALLS of load balancers: readiness first, then the listener) --- */

static void stop_when_drained(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        if (!engine->reactors[i].is_drained) {
            return;
        }
    }
    loop_stop(engine->loop);
}

struct posted_drained {
    struct engine *engine;
    uint32_t index;
};

static void on_drained(void *arg)
{
    struct posted_drained *posted = arg;

    posted->engine->reactors[posted->index].is_drained = true;
    stop_when_drained(posted->engine);
    free(posted);
}

static void post_drained(void *arg, uint32_t index)
{
    struct engine *engine = arg;
    struct posted_drained *posted = malloc(sizeof *posted);

    if (posted == NULL) {
        return; /* drain.limit_ms ends it */
    }
    *posted = (struct posted_drained){.engine = engine, .index = index};
    if (loop_post(engine->loop, on_drained, posted) != ERR_OK) {
        free(posted);
    }
}

static void on_limit(void *arg)
{
    struct engine *engine = arg;

    engine->is_cut = true;
    LOG_WARN("drain_cut", KV_U64("limit_ms", engine->conf->drain_limit_ms),
             KV_STR("next", "what is left is told unknown to its buyers, the relay finishes it"));
    loop_stop(engine->loop);
}

static void on_wait_over(void *arg)
{
    struct engine *engine = arg;

    LOG_INFO("drain_begun", KV_U64("limit_ms", engine->conf->drain_limit_ms));
    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        reactor_drain(engine->reactors[i].reactor);
    }
    timer_init(&engine->drain_timer, engine->loop, on_limit, engine);
    timer_start_ms(&engine->drain_timer, engine->conf->drain_limit_ms);
}

static void on_signal(void *arg)
{
    struct engine *engine = arg;

    if (engine->is_draining) {
        static const char text[] = "seckilld: second signal: ending at once\n";
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
        _exit(STATUS_AT_ONCE);
    }
    engine->is_draining = true;
    LOG_INFO("drain_asked", KV_U64("wait_ms", engine->conf->drain_wait_ms));
    timer_init(&engine->drain_timer, engine->loop, on_wait_over, engine);
    timer_start_ms(&engine->drain_timer, engine->conf->drain_wait_ms);
}

/* --- build --- */

static enum err say(char error[static ENGINE_ERROR_SIZE], enum err err, const char *what)
{
    snprintf(error, ENGINE_ERROR_SIZE, "%s", what);
    return err;
}

static enum err make_ground(struct engine *engine, const struct engine_options *options)
{
    engine->metrics = metrics_create();
    if (engine->metrics == NULL) {
        return ERR_NO_MEMORY;
    }
    engine->shard = metrics_shard(engine->metrics);
    engine->loop = loop_create(&(struct loop_options){.name = "main", .shard = engine->shard});
    if (engine->shard == NULL || engine->loop == NULL) {
        return ERR_NO_MEMORY;
    }
    engine->on_term = loop_signal_create(engine->loop, SIGTERM, on_signal, engine);
    engine->on_int = loop_signal_create(engine->loop, SIGINT, on_signal, engine);
    engine->on_hup = loop_signal_create(engine->loop, SIGHUP, options->on_hangup, options->arg);
    if (engine->on_term == NULL || engine->on_int == NULL || engine->on_hup == NULL) {
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static enum err make_ops(struct engine *engine, char error[static ENGINE_ERROR_SIZE])
{
    const struct conf *conf = engine->conf;
    struct http_route routes[API_OPS_ROUTES];

    engine->ops = api_ops_create(&(struct api_ops_options){.metrics = engine->metrics,
                                                           .process = METRICS_ENGINE,
                                                           .ready = tell_ready,
                                                           .alive = is_alive,
                                                           .refresh = refresh_metrics,
                                                           .arg = engine});
    if (engine->ops == NULL) {
        return ERR_NO_MEMORY;
    }
    api_ops_routes(engine->ops, routes);
    struct http_server_options options = {
        .loop = engine->loop,
        .address = conf->ops_address,
        .port = (uint16_t)conf->ops_port,
        .connections_max = OPS_CONNECTIONS_MAX,
        .exchanges_max = OPS_CONNECTIONS_MAX,
        .pipeline_max = 1,
        .header_timeout_ms = conf->http_header_timeout_ms,
        .body_timeout_ms = conf->http_body_timeout_ms,
        .idle_timeout_ms = conf->http_idle_timeout_ms,
        .write_timeout_ms = conf->http_write_timeout_ms,
        .routes = routes,
        .route_count = API_OPS_ROUTES,
        .requests_metric = METRIC_http_requests_total,
    };
    return http_server_create(&options, &engine->ops_server, error);
}

/* One file, one key. */
static enum err read_key(const char *setting, const char *path, const char *kid,
                         struct secret *secret, struct identity_key *key,
                         char error[static ENGINE_ERROR_SIZE])
{
    enum err err = secret_read(path, IDENTITY_HS256_SECRET_SIZE_MIN, secret);
    if (err != ERR_OK) {
        snprintf(error, ENGINE_ERROR_SIZE, "%s: %.200s: %s", setting, path,
                 err == ERR_RANGE ? "needs 32 to 4096 bytes" : err_text(err));
        return ERR_CONFIG;
    }
    *key = (struct identity_key){.kid = kid,
                                 .algorithm = IDENTITY_ALGORITHM_HS256,
                                 .key = secret->data,
                                 .key_size = secret->size};
    return ERR_OK;
}

static enum err make_reactors_with(struct engine *engine, const struct identity_options *identity,
                                   char error[static ENGINE_ERROR_SIZE])
{
    static_assert((int)ENGINE_ERROR_SIZE >= (int)REACTOR_ERROR_SIZE
                      && (int)ENGINE_ERROR_SIZE >= (int)PROVIDER_ERROR_SIZE
                      && (int)ENGINE_ERROR_SIZE >= (int)HTTP_ERROR_SIZE,
                  "errors of below fit");
    for (uint32_t i = 0; i < engine->conf->http_reactors; i++) {
        struct watched_reactor *watched = &engine->reactors[i];
        struct reactor_options options = {.index = i,
                                          .conf = engine->conf,
                                          .metrics = engine->metrics,
                                          .identity = identity,
                                          .payments = engine->payments,
                                          .on_scan_wanted = post_wish,
                                          .on_winners = post_winners,
                                          .on_state = post_state,
                                          .on_drained = post_drained,
                                          .arg = engine};
        enum err err = reactor_create(&options, &watched->reactor, error);
        if (err != ERR_OK) {
            return err;
        }
        watched->state.index = i;
        engine->reactor_count++;
    }
    return ERR_OK;
}

static enum err make_reactors(struct engine *engine, char error[static ENGINE_ERROR_SIZE])
{
    const struct conf *conf = engine->conf;
    struct secret secrets[2];
    struct identity_key keys[2];
    struct identity_options identity = {.keys = keys,
                                        .key_count = 1,
                                        .issuer = conf->jwt_issuer,
                                        .audience = conf->jwt_audience,
                                        .leeway_s = conf->jwt_leeway_s};

    enum err err = read_key("jwt.secret_file", conf->jwt_secret_file, conf->jwt_kid, &secrets[0],
                            &keys[0], error);
    if (err == ERR_OK && conf->jwt_previous_secret_file[0] != '\0') {
        identity.key_count = 2;
        err = read_key("jwt.previous_secret_file", conf->jwt_previous_secret_file,
                       conf->jwt_previous_kid, &secrets[1], &keys[1], error);
    }
    if (err == ERR_OK) {
        err = make_reactors_with(engine, &identity, error);
    }
    secret_wipe(&secrets[0]);
    secret_wipe(&secrets[1]);
    return err;
}

enum err engine_create(const struct engine_options *options, struct engine **ret_engine,
                       char error[static ENGINE_ERROR_SIZE])
{
    struct engine *engine = calloc(1, sizeof *engine);

    error[0] = '\0';
    if (engine == NULL) {
        return say(error, ERR_NO_MEMORY, "out of memory");
    }
    engine->conf = options->conf;
    engine->is_degraded = options->is_degraded;
    enum err err = make_ground(engine, options);
    err = err == ERR_OK ? make_ops(engine, error) : err;
    err = err == ERR_OK ? payments_create(engine->conf, error, &engine->payments) : err;
    err = err == ERR_OK ? make_reactors(engine, error) : err;
    if (err != ERR_OK) {
        if (error[0] == '\0') {
            (void)say(error, err, err_text(err));
        }
        engine_destroy(engine);
        return err;
    }
    *ret_engine = engine;
    return ERR_OK;
}

enum err engine_run(struct engine *engine, char error[static ENGINE_ERROR_SIZE])
{
    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        enum err err = reactor_start(engine->reactors[i].reactor);
        if (err != ERR_OK) {
            return say(error, err, "no thread for a reactor");
        }
    }
    LOG_INFO("started", KV_U64("reactors", engine->reactor_count),
             KV_STR("address", engine->conf->http_address), KV_U64("port", engine->conf->http_port),
             KV_U64("ops_port", engine->conf->ops_port));
    loop_run(engine->loop);
    if (engine->refusal[0] != '\0') {
        return say(error, ERR_REFUSED, engine->refusal);
    }
    LOG_INFO("stopped", KV_BOOL("drained", !engine->is_cut));
    return ERR_OK;
}

void engine_destroy(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        reactor_stop(engine->reactors[i].reactor);
    }
    for (uint32_t i = 0; i < engine->reactor_count; i++) {
        reactor_destroy(engine->reactors[i].reactor);
    }
    payments_destroy(engine->payments);
    http_server_destroy(engine->ops_server);
    api_ops_destroy(engine->ops);
    timer_stop(&engine->drain_timer);
    loop_watch_destroy(engine->on_term);
    loop_watch_destroy(engine->on_int);
    loop_watch_destroy(engine->on_hup);
    loop_destroy(engine->loop);
    metrics_destroy(engine->metrics);
    free(engine);
}
