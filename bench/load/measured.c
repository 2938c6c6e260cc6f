#include "measured.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const double NOT_MEASURED = -1;

struct reading {
    const json_t *root;
    const char *path;
    char *trouble;
};

static bool lacks(const struct reading *reading, const char *what, const char *hint)
{
    snprintf(reading->trouble, MEASURED_TROUBLE_SIZE, "%s has no %s: %s", reading->path, what,
             hint);
    return false;
}

/* A number above zero; `otherwise`: there is none. */
static double positive(const json_t *value, double otherwise)
{
    return json_is_number(value) && json_number_value(value) > 0 ? json_number_value(value)
                                                                 : otherwise;
}

static double cpu_us(const struct reading *reading, const char *name)
{
    const json_t *all = json_object_get(reading->root, "cpu_us_per_request");
    return positive(json_object_get(all, name), NOT_MEASURED);
}

static void copy(const struct reading *reading, const char *name, char *to, size_t size)
{
    const char *value = json_string_value(json_object_get(reading->root, name));
    snprintf(to, size, "%s", value ? value : "?");
}

/* Of all answers to requests that were meant for the measured time. */
static double accepted_share(const struct reading *reading)
{
    json_t *answers = json_object_get(reading->root, "measured");
    double all = 0;
    const char *name;
    json_t *count;

    json_object_foreach(answers, name, count)
    {
        all += positive(count, 0);
    }
    return all > 0 ? positive(json_object_get(answers, "accepted"), 0) / all : 0;
}

static void read_rest(const struct reading *reading, struct measured *measured)
{
    const json_t *root = reading->root;
    const json_t *holds = json_object_get(json_object_get(root, "audit"), "holds");
    const json_t *settle = json_object_get(root, "settle");

    copy(reading, "started", measured->started, sizeof measured->started);
    copy(reading, "version", measured->version, sizeof measured->version);
    measured->accepted = accepted_share(reading);
    measured->errors = (uint64_t)positive(json_object_get(root, "errors"), 0);
    measured->audit_failed = json_is_false(holds);
    measured->bytes_per_order =
        positive(json_object_get(root, "redis_bytes_per_order"), NOT_MEASURED);
    measured->orders_per_second =
        positive(json_object_get(settle, "orders_per_second_per_consumer"), NOT_MEASURED);
}

static bool read_root(const struct reading *reading, const char *engine, const char *redis,
                      struct measured *ret_measured)
{
    const char *mode = json_string_value(json_object_get(reading->root, "mode"));
    struct measured measured = {
        .seconds = positive(json_object_get(reading->root, "window_seconds"), 0),
        .answers = (uint64_t)positive(json_object_get(reading->root, "window_answers"), 0),
        .engine_us = cpu_us(reading, engine),
        .redis_us = cpu_us(reading, redis),
    };

    if (!mode) {
        return lacks(reading, "mode", "it is no report of seckill-bench --json");
    }
    if (strcmp(mode, "purchase") != 0) {
        snprintf(reading->trouble, MEASURED_TROUBLE_SIZE,
                 "%s was measured with --mode %s, which "
                 "buys nothing",
                 reading->path, mode);
        return false;
    }
    if (measured.seconds <= 0 || measured.answers == 0) {
        return lacks(reading, "window_seconds and window_answers", "nothing was measured");
    }
    if (measured.engine_us < 0) {
        char what[128];
        snprintf(what, sizeof what, "cpu_us_per_request of \"%s\"", engine);
        return lacks(reading, what, "measure with --cpu NAME=PID, or tell the name by --engine");
    }
    read_rest(reading, &measured);
    *ret_measured = measured;
    return true;
}

bool measured_read(const char *path, const char *engine, const char *redis,
                   struct measured *ret_measured, char trouble[MEASURED_TROUBLE_SIZE])
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    const struct reading reading = {root, path, trouble};

    if (!root) {
        snprintf(trouble, MEASURED_TROUBLE_SIZE, "%s: %s", path, error.text);
        return false;
    }
    const bool good = read_root(&reading, engine, redis, ret_measured);
    json_decref(root);
    return good;
}
