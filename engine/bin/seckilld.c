/* seckilld: the engine. Reads its settings, takes its port, checks Redis' settings, runs the
 * reactors.
 *
 * main thread       loop: operations listener, signals, readiness     bin/engine
 * reactor threads   buyers, Redis, Kafka                              bin/reactor */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bin/command_line.h"
#include "bin/engine.h"
#include "common/assert.h"
#include "common/log.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_settings.h"
#include "payments/provider.h"

enum { STATUS_FAILED = 1, STATUS_CONFIG = 2, LOG_STOP_MS = 1000 };
/* A reactor has 16 of its own with no broker in reach; each of its two Kafka producers takes three
 * for each broker. */
enum { SPARE_FILES = 64, FILES_PER_REACTOR = 48, CONNECTIONS_MIN = 64 };

static int refuse(int status, const char *what, const char *why)
{
    fprintf(stderr, "seckilld: %s: %s\n", what, why);
    return status;
}

/* Every connection is a descriptor. When the limit is too low it is raised as far as we may; when
 * that is not enough, fewer connections are held: at the limit itself accept() would fail for
 * everybody (FE7). */
static int fit_files(struct conf *conf)
{
    struct rlimit limit;
    rlim_t others = SPARE_FILES + (rlim_t)FILES_PER_REACTOR * conf->http_reactors;
    rlim_t wanted = others + (rlim_t)conf->http_connections_max * conf->http_reactors;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return 0;
    }
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < others + CONNECTIONS_MIN) {
        return refuse(STATUS_CONFIG, "http.connections_max",
                      "too few files allowed (ulimit -n, LimitNOFILE)");
    }
    if (limit.rlim_cur < wanted) {
        uint32_t fits = (uint32_t)((limit.rlim_cur - others) / conf->http_reactors);
        LOG_WARN("connections_capped", KV_U64("wanted", conf->http_connections_max),
                 KV_U64("per_reactor", fits), KV_U64("files", limit.rlim_cur));
        conf->http_connections_max = fits;
    }
    return 0;
}

/* With SO_REUSEPORT a second process would silently share our port. A name in the abstract socket
 * space is held until the process ends, and leaves no file behind. */
static int take_port(const struct conf *conf)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char why[160];

    int size = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "seckilld/%s/%u",
                        conf->http_address, (unsigned)conf->http_port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* stays open to the end */
    if (fd < 0) {
        return refuse(STATUS_FAILED, "socket", strerror(errno));
    }
    socklen_t name_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
    if (bind(fd, (struct sockaddr *)&name, name_size) != 0) {
        snprintf(why, sizeof why, "%.45s:%u is served by another seckilld", conf->http_address,
                 (unsigned)conf->http_port);
        return refuse(STATUS_FAILED, "http.port", why);
    }
    return 0;
}

/* What the promises rest on is read back at start (PROTOCOL §4). Redis away: the link says so
 * later, and goes on trying; strict mode must know. */
static int check_redis(const struct conf *conf, bool *ret_is_weak)
{
    struct redis_blocking *redis = redis_blocking_create(&(struct redis_blocking_options){
        .address = conf->redis_address,
        .port = (uint16_t)conf->redis_port,
        .user = conf->redis_user,
        .password = conf->redis_password,
        .client_name = "seckilld-start",
        .connect_timeout_ms = conf->redis_connect_timeout_ms,
        .reply_timeout_ms = conf->redis_reply_timeout_ms,
    });
    struct redis_settings settings;
    enum err err = redis == NULL ? ERR_NO_MEMORY : redis_settings_read(redis, &settings);
    int status = 0;

    if (err == ERR_OK && redis_settings_fault(&settings) != NULL) {
        status = refuse(STATUS_FAILED, "Redis", redis_settings_fault(&settings));
    } else if (err == ERR_OK) {
        const char *weakness = redis_settings_weakness(&settings);
        *ret_is_weak = weakness != NULL;
        if (weakness != NULL && conf->strict) {
            status = refuse(STATUS_FAILED, "strict: Redis", weakness);
        } else if (weakness != NULL) {
            LOG_WARN("durability_degraded", KV_STR("service", "redis"), KV_STR("why", weakness));
        }
    } else if (conf->strict) {
        status = refuse(STATUS_FAILED, "strict: the settings of Redis cannot be read",
                        redis == NULL ? err_text(err) : redis_blocking_trouble(redis));
    } else {
        LOG_WARN("redis_not_checked",
                 KV_STR("why", redis == NULL ? err_text(err) : redis_blocking_trouble(redis)));
    }
    redis_blocking_destroy(redis);
    return status;
}

/* Keys that cannot be used are told before anything starts. */
static enum err check_payments(const struct conf *conf, char error[static CONF_ERROR_SIZE])
{
    struct payments *payments = NULL;
    enum err err = payments_create(conf, error, &payments);

    static_assert((int)CONF_ERROR_SIZE == (int)PROVIDER_ERROR_SIZE, "one line for both");
    if (err == ERR_OK) {
        payments_destroy(payments);
    }
    return err;
}

static const struct command_line line = {
    .program = "seckilld",
    .summary = "The flash-sale engine: takes buyers' requests, needs Redis and Kafka.",
    .role = CONF_ROLE_ENGINE,
    .check = check_payments,
};

struct arguments {
    int count;
    char **texts;
};

static void on_hangup(void *arg)
{
    const struct arguments *arguments = arg;

    command_line_reload(&line, arguments->count, arguments->texts);
}

static int run(const struct engine_options *options)
{
    struct engine *engine = NULL;
    char error[ENGINE_ERROR_SIZE];

    enum err err = engine_create(options, &engine, error);
    if (err != ERR_OK) {
        return refuse(err == ERR_CONFIG ? STATUS_CONFIG : STATUS_FAILED, "cannot start", error);
    }
    err = engine_run(engine, error);
    engine_destroy(engine);
    return err == ERR_OK ? 0 : refuse(STATUS_FAILED, "cannot start", error);
}

int main(int argc, char **argv)
{
    static struct conf conf;
    struct arguments arguments = {argc, argv};
    struct engine_options options = {.conf = &conf, .on_hangup = on_hangup, .arg = &arguments};
    int status = 0;

    if (!command_line_read(&line, argc, argv, &conf, &status)) {
        return status;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    command_line_start_log(&conf);
    status = fit_files(&conf);
    status = status != 0 ? status : take_port(&conf);
    status = status != 0 ? status : check_redis(&conf, &options.is_degraded);
    status = status != 0 ? status : run(&options);
    log_stop(LOG_STOP_MS);
    return status;
}
