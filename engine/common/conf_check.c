/* One function a topic; each returns false after it wrote its line into `error`. */
#include "common/assert.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/secret.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum {
    HOLD_MARGIN_MS = 500,
    GUARD_MARGIN_MS = 2000,
    DEADLINE_MIN_MS = 20,
    JWT_SECRET_SIZE_MIN = 32,
    ADMIN_TOKEN_SIZE_MIN = 16,
};

static bool refuse(char error[static CONF_ERROR_SIZE], const char *sentence)
{
    (void)snprintf(error, CONF_ERROR_SIZE, "configuration: %s", sentence);
    return false;
}

static bool check_address(const char *key, const char *address, char error[static CONF_ERROR_SIZE])
{
    struct in6_addr parsed;

    if (inet_pton(AF_INET, address, &parsed) == 1 || inet_pton(AF_INET6, address, &parsed) == 1) {
        return true;
    }
    (void)snprintf(error, CONF_ERROR_SIZE,
                   "configuration: %s must be a numeric address, not \"%.64s\"", key, address);
    return false;
}

static bool check_file(const char *key, const char *path, size_t size_min,
                       char error[static CONF_ERROR_SIZE])
{
    struct secret secret;
    enum err err;

    if (path[0] == '\0') {
        (void)snprintf(error, CONF_ERROR_SIZE, "configuration: %s must be set", key);
        return false;
    }
    err = secret_read(path, size_min, &secret);
    if (err == ERR_OK) {
        secret_wipe(&secret);
        return true;
    }
    if (err == ERR_RANGE) {
        (void)snprintf(error, CONF_ERROR_SIZE,
                       "configuration: %s: %.200s must hold %zu to %d bytes", key, path, size_min,
                       SECRET_SIZE_MAX);
    } else {
        (void)snprintf(error, CONF_ERROR_SIZE, "configuration: %s: %.200s cannot be read", key,
                       path);
    }
    return false;
}

static bool check_log(const struct conf *conf, char error[static CONF_ERROR_SIZE])
{
    enum log_level level;

    if (log_level_parse(conf->log_level, &level) != ERR_OK) {
        return refuse(error, "log.level must be debug, info, warn or error");
    }
    if (strcmp(conf->log_format, "text") != 0 && strcmp(conf->log_format, "json") != 0) {
        return refuse(error, "log.format must be text or json");
    }
    return true;
}

/* PROTOCOL §3.9 */
static bool check_times(const struct conf *conf, char error[static CONF_ERROR_SIZE])
{
    if (conf->sale_deadline_ms <= DEADLINE_MIN_MS) {
        return refuse(error, "sale.deadline_ms must be more than 20");
    }
    if (conf->sale_hold_ms < conf->sale_lease_ms + HOLD_MARGIN_MS) {
        return refuse(error, "sale.hold_ms must be at least sale.lease_ms + 500");
    }
    if (conf->sale_guard_ms < conf->sale_deadline_ms + GUARD_MARGIN_MS) {
        return refuse(error, "sale.guard_ms must be at least sale.deadline_ms + 2000");
    }
    if (conf->board_poll_ms >= conf->sale_lease_ms) {
        return refuse(error, "board.poll_ms must be less than sale.lease_ms");
    }
    if (conf->kafka_message_timeout_ms < conf->sale_deadline_ms) {
        return refuse(error, "kafka.message_timeout_ms must be at least sale.deadline_ms");
    }
    if (conf->kafka_linger_ms >= conf->sale_deadline_ms) {
        return refuse(error, "kafka.linger_ms must be less than sale.deadline_ms");
    }
    if (conf->relay_age_ms < conf->relay_sweep_ms) {
        return refuse(error, "relay.age_ms must be at least relay.sweep_ms");
    }
    if (conf->relay_lease_ms < 2 * conf->relay_sweep_ms) {
        return refuse(error, "relay.lease_ms must be at least twice relay.sweep_ms");
    }
    return true;
}

static bool is_of(const char *text, size_t size, const char *others)
{
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        const bool is_plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && !strchr(others, c)) {
            return false;
        }
    }
    return size > 0;
}

/* As Kafka itself names them. */
static bool check_topic(const char *key, const char *topic, char error[static CONF_ERROR_SIZE])
{
    if (is_of(topic, strlen(topic), "._-") && strcmp(topic, ".") != 0 && strcmp(topic, "..") != 0) {
        return true;
    }
    (void)snprintf(error, CONF_ERROR_SIZE,
                   "configuration: %s must be of A-Z a-z 0-9 . _ -, not \"%.64s\"", key, topic);
    return false;
}

static bool is_port(const char *text, size_t size)
{
    unsigned port = 0;

    for (size_t i = 0; i < size && size <= 5; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

/* How long the `scheme://` before a broker is; 0: none that librdkafka knows. */
static size_t scheme_size(const char *text)
{
    static const char *const schemes[] = {"plaintext://", "ssl://", "sasl_plaintext://",
                                          "sasl_ssl://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0) {
            return strlen(schemes[i]);
        }
    }
    return 0;
}

/* host, host:port, [address]:port */
static bool is_broker(const char *text, size_t size)
{
    const char *end = text[0] == '[' ? memchr(text, ']', size) : NULL;
    const char *name = end ? text + 1 : text;
    const char *colon;

    colon = memchr(end ? end : text, ':', size - (size_t)((end ? end : text) - text));
    if (end && end + 1 != text + size && colon != end + 1) {
        return false;
    }
    const size_t name_size = (size_t)((end ? end : colon ? colon : text + size) - name);
    return is_of(name, name_size, end ? ":." : "._-")
           && (!colon || is_port(colon + 1, (size_t)(text + size - colon - 1)));
}

static bool check_brokers(const struct conf *conf, char error[static CONF_ERROR_SIZE])
{
    const char *entry = conf->kafka_brokers;

    for (bool more = true; more;) {
        entry += strspn(entry, " ");
        entry += scheme_size(entry);
        const size_t all = strcspn(entry, ",");
        size_t size = all;
        for (; size > 0 && entry[size - 1] == ' '; size--) {
        }
        if (size == 0 || !is_broker(entry, size)) {
            (void)snprintf(error, CONF_ERROR_SIZE,
                           "configuration: kafka.brokers must be host:port with commas, not "
                           "\"%.64s\"",
                           conf->kafka_brokers);
            return false;
        }
        more = entry[all] == ',';
        entry += all + more;
    }
    return true;
}

/* A notice that the orders' reader meets, or the other way round, is a dead letter for good. */
static bool check_topics(const struct conf *conf, char error[static CONF_ERROR_SIZE])
{
    const struct {
        const char *key, *topic;
    } topics[] = {{"kafka.orders_topic", conf->kafka_orders_topic},
                  {"kafka.notices_topic", conf->kafka_notices_topic},
                  {"kafka.events_topic", conf->kafka_events_topic},
                  {"kafka.dead_topic", conf->kafka_dead_topic}};
    const size_t count = sizeof topics / sizeof topics[0];

    for (size_t i = 0; i < count; i++) {
        if (!check_topic(topics[i].key, topics[i].topic, error)) {
            return false;
        }
    }
    for (size_t i = 0; i < count * count; i++) {
        const size_t a = i / count, b = i % count;
        if (a < b && strcmp(topics[a].topic, topics[b].topic) == 0) {
            (void)snprintf(error, CONF_ERROR_SIZE, "configuration: %s and %s must differ",
                           topics[a].key, topics[b].key);
            return false;
        }
    }
    return true;
}

/* Tokens name it: what no token can name is no key. */
static bool check_kid(const char *key, const char *kid, char error[static CONF_ERROR_SIZE])
{
    for (size_t i = 0; kid[i] != '\0'; i++) {
        if (kid[i] <= ' ' || kid[i] > '~') {
            (void)snprintf(error, CONF_ERROR_SIZE,
                           "configuration: %s must be of visible ASCII characters", key);
            return false;
        }
    }
    return true;
}

static bool check_engine(const struct conf *conf, char error[static CONF_ERROR_SIZE])
{
    bool rotates = conf->jwt_previous_secret_file[0] != '\0';

    if (!check_address("http.address", conf->http_address, error)
        || !check_address("ops.address", conf->ops_address, error)) {
        return false;
    }
    if (conf->http_port == conf->ops_port) {
        return refuse(error, "http.port and ops.port must differ");
    }
    if (!check_kid("jwt.kid", conf->jwt_kid, error)
        || !check_kid("jwt.previous_kid", conf->jwt_previous_kid, error)) {
        return false;
    }
    if (!check_file("jwt.secret_file", conf->jwt_secret_file, JWT_SECRET_SIZE_MIN, error)) {
        return false;
    }
    if (rotates != (conf->jwt_previous_kid[0] != '\0')) {
        return refuse(error, "jwt.previous_secret_file and jwt.previous_kid go together");
    }
    if (rotates && strcmp(conf->jwt_kid, conf->jwt_previous_kid) == 0) {
        return refuse(error, "jwt.kid and jwt.previous_kid must differ");
    }
    return !rotates
           || check_file("jwt.previous_secret_file", conf->jwt_previous_secret_file,
                         JWT_SECRET_SIZE_MIN, error);
}

static bool check_worker(const struct conf *conf, char error[static CONF_ERROR_SIZE])
{
    if (!check_address("worker.admin_address", conf->worker_admin_address, error)
        || !check_address("worker.ops_address", conf->worker_ops_address, error)) {
        return false;
    }
    if (strchr(conf->mysql_host, ' ')) {
        return refuse(error, "mysql.host must be a host's name or address, without blanks");
    }
    if (conf->worker_admin_port == conf->worker_ops_port) {
        return refuse(error, "worker.admin_port and worker.ops_port must differ");
    }
    return check_file("worker.admin_token_file", conf->worker_admin_token_file,
                      ADMIN_TOKEN_SIZE_MIN, error);
}

static bool check_role(const struct conf *conf, enum conf_role role,
                       char error[static CONF_ERROR_SIZE])
{
    switch (role) {
    case CONF_ROLE_ENGINE: return check_engine(conf, error);
    case CONF_ROLE_WORKER: return check_worker(conf, error);
    }
    UNREACHABLE();
}

enum err conf_check(const struct conf *conf, enum conf_role role,
                    char error[static CONF_ERROR_SIZE])
{
    if (!check_log(conf, error) || !check_times(conf, error) || !check_topics(conf, error)
        || !check_brokers(conf, error)
        || !check_address("redis.address", conf->redis_address, error)
        || !check_role(conf, role, error)) {
        return ERR_CONFIG;
    }
    return ERR_OK;
}
