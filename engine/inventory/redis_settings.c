#include "inventory/redis_settings.h"

#include "inventory/redis_blocking.h"
#include "inventory/redis_handshake.h"
#include "inventory/text_cursor.h"

#include <stdio.h>
#include <string.h>

static bool equals(const char *text, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(text, word, size) == 0;
}

static bool copy(const char *text, size_t size, char *out, size_t out_size)
{
    if (size >= out_size) {
        return false;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

static bool number32(const char *text, size_t size, uint32_t *ret_value)
{
    struct text_cursor cursor = text_cursor(text, size);
    uint64_t value;

    if (!text_take_number(&cursor, UINT32_MAX, &value) || !text_is_end(&cursor)) {
        return false;
    }
    *ret_value = (uint32_t)value;
    return true;
}

/* One pair of CONFIG GET. False: a value that cannot be read. */
static bool take_setting(struct redis_settings *settings, const char *name, const char *value,
                         size_t size)
{
    if (strcmp(name, "maxmemory-policy") == 0) {
        return copy(value, size, settings->maxmemory_policy, sizeof settings->maxmemory_policy);
    }
    if (strcmp(name, "appendonly") == 0) {
        settings->appendonly = equals(value, size, "yes");
        return true;
    }
    if (strcmp(name, "appendfsync") == 0) {
        return copy(value, size, settings->appendfsync, sizeof settings->appendfsync);
    }
    if (strcmp(name, "no-appendfsync-on-rewrite") == 0) {
        settings->no_fsync_on_rewrite = equals(value, size, "yes");
        return true;
    }
    if (strcmp(name, "min-replicas-to-write") == 0) {
        return number32(value, size, &settings->min_replicas_to_write);
    }
    if (strcmp(name, "min-replicas-max-lag") == 0) {
        return number32(value, size, &settings->min_replicas_max_lag_s);
    }
    if (strcmp(name, "repl-backlog-ttl") == 0) {
        return number32(value, size, &settings->backlog_ttl_s);
    }
    return false;
}

static enum err read_config(struct redis_blocking *redis, struct redis_settings *settings)
{
    static const char *const names[] = {"maxmemory-policy",      "appendonly",
                                        "appendfsync",           "no-appendfsync-on-rewrite",
                                        "min-replicas-to-write", "min-replicas-max-lag",
                                        "repl-backlog-ttl"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *const argv[] = {"CONFIG", "GET", names[i]};
        const size_t sizes[] = {6, 3, strlen(names[i])};
        struct redis_reply *reply;
        const char *value = NULL;
        size_t size = 0;
        bool good;
        enum err err = redis_blocking_command(redis, 3, argv, sizes, &reply);

        if (err != ERR_OK) {
            return err;
        }
        if (redis_reply_count(reply) == 2) {
            value = redis_reply_string(redis_reply_item(reply, 1), &size);
        }
        good = value && take_setting(settings, names[i], value, size);
        redis_reply_free(reply);
        if (!good) {
            redis_blocking_blame(redis, "CONFIG GET: a setting is missing or cannot be read");
            return ERR_PARSE;
        }
    }
    return ERR_OK;
}

static enum err read_info(struct redis_blocking *redis, struct redis_settings *settings)
{
    struct redis_reply *reply;
    const char *info, *role = NULL, *replicas = NULL;
    size_t size, role_size, replicas_size;
    bool good;
    enum err err = redis_blocking_command(redis, 2, (const char *const[]){"INFO", "replication"},
                                          (const size_t[]){4, 11}, &reply);

    if (err != ERR_OK) {
        return err;
    }
    info = redis_reply_string(reply, &size);
    if (info) {
        role = redis_info_field(info, size, "role", &role_size);
        replicas = redis_info_field(info, size, "connected_slaves", &replicas_size);
    }
    good = role && replicas && copy(role, role_size, settings->role, sizeof settings->role)
           && number32(replicas, replicas_size, &settings->replicas);
    redis_reply_free(reply);
    if (!good) {
        redis_blocking_blame(redis, "INFO replication: a field is missing");
        return ERR_PARSE;
    }
    return ERR_OK;
}

enum err redis_settings_read(struct redis_blocking *redis, struct redis_settings *ret_settings)
{
    struct redis_settings settings = {0};
    enum err err = read_info(redis, &settings);

    err = err != ERR_OK ? err : read_config(redis, &settings);
    if (err == ERR_OK) {
        *ret_settings = settings;
    }
    return err;
}

const char *redis_settings_fault(const struct redis_settings *settings)
{
    if (strcmp(settings->role, "master") != 0) {
        return "Redis is no primary";
    }
    /* Also while maxmemory is 0: one CONFIG SET later keys would go. */
    if (strcmp(settings->maxmemory_policy, "noeviction") != 0) {
        return "Redis may evict keys: maxmemory-policy must be noeviction";
    }
    return NULL;
}

const char *redis_settings_weakness(const struct redis_settings *settings)
{
    if (!settings->appendonly) {
        return "Redis keeps no append-only file: a restart forgets all sales (appendonly yes)";
    }
    if (strcmp(settings->appendfsync, "no") == 0 || settings->no_fsync_on_rewrite) {
        return "Redis does not fsync its append-only file (appendfsync everysec or always, "
               "no-appendfsync-on-rewrite no)";
    }
    if (settings->replicas > 0
        && (settings->min_replicas_to_write < settings->replicas
            || settings->min_replicas_max_lag_s == 0 || settings->min_replicas_max_lag_s > 3)) {
        return "Redis has replicas: min-replicas-to-write must be their number and "
               "min-replicas-max-lag 1 to 3";
    }
    if (settings->replicas > 0 && settings->backlog_ttl_s != 0) {
        return "Redis has replicas: repl-backlog-ttl must be 0, else the history changes when the "
               "last one leaves";
    }
    return NULL;
}
