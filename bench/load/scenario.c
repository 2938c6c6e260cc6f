#include "scenario.h"

#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NUMBER_SIZE = 32, NAME_SIZE = 64, TEXTS_MAX = 128 };

struct scenario {
    config_t config;
    char path[PATH_MAX];
    char name[NAME_SIZE];
    char numbers[TEXTS_MAX][NUMBER_SIZE]; /* of values that are no strings */
    uint32_t number_count;
};

/* --- finding */

static bool is_path(const char *name)
{
    const size_t size = strlen(name);
    return strchr(name, '/') || (size > 5 && strcmp(name + size - 5, ".conf") == 0);
}

static bool find_beside_program(const char *name, char path[static PATH_MAX])
{
    char program[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);

    if (size <= 0) {
        return false;
    }
    program[size] = '\0';
    *strrchr(program, '/') = '\0';
    return snprintf(path, PATH_MAX, "%s/scenarios/%s.conf", program, name) < PATH_MAX
           && access(path, R_OK) == 0;
}

static bool find(const char *name, char path[static PATH_MAX])
{
    if (is_path(name)) {
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    }
    return find_beside_program(name, path)
           || (snprintf(path, PATH_MAX, "%s/%s.conf", SCENARIOS_DIR, name) < PATH_MAX
               && access(path, R_OK) == 0);
}

/* --- reading */

static void keep_name(struct scenario *scenario)
{
    const char *slash = strrchr(scenario->path, '/');
    const char *base = slash ? slash + 1 : scenario->path;
    const size_t size = strcspn(base, ".");

    snprintf(scenario->name, sizeof scenario->name, "%.*s", (int)size, base);
}

static bool read_file(struct scenario *scenario)
{
    FILE *file = fopen(scenario->path, "r");

    if (!file) {
        fprintf(stderr, "seckill-bench: %s: %s\n", scenario->path, strerror(errno));
        return false;
    }
    const bool good = config_read(&scenario->config, file) == CONFIG_TRUE;
    fclose(file);
    if (!good) {
        fprintf(stderr, "seckill-bench: %s:%d: %s\n", scenario->path,
                config_error_line(&scenario->config), config_error_text(&scenario->config));
    }
    return good;
}

struct scenario *scenario_open(const char *name)
{
    struct scenario *scenario = calloc(1, sizeof *scenario);

    if (!scenario) {
        fputs("seckill-bench: no memory for a scenario\n", stderr);
        return NULL;
    }
    config_init(&scenario->config);
    if (!find(name, scenario->path)) {
        fprintf(stderr,
                "seckill-bench: no scenario is called \"%s\" (there is none beside the program, "
                "nor in %s)\n",
                name, SCENARIOS_DIR);
        scenario_close(scenario);
        return NULL;
    }
    keep_name(scenario);
    if (!read_file(scenario)) {
        scenario_close(scenario);
        return NULL;
    }
    return scenario;
}

void scenario_close(struct scenario *scenario)
{
    if (scenario) {
        config_destroy(&scenario->config);
        free(scenario);
    }
}

/* The text of one value; NULL: there is none for it. */
static const char *text_of(struct scenario *scenario, const config_setting_t *setting)
{
    char *number = scenario->numbers[scenario->number_count % TEXTS_MAX];

    if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
        return config_setting_get_string(setting);
    }
    if (scenario->number_count == TEXTS_MAX) {
        return NULL;
    }
    scenario->number_count++;
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(number, NUMBER_SIZE, "%lld", config_setting_get_int64(setting));
        return number;
    case CONFIG_TYPE_FLOAT:
        snprintf(number, NUMBER_SIZE, "%.15g", config_setting_get_float(setting));
        return number;
    case CONFIG_TYPE_BOOL: return ""; /* a flag */
    default: return NULL;
    }
}

static bool take_one(struct scenario *scenario, const char *name, const config_setting_t *setting,
                     scenario_setting_fn *take, void *arg)
{
    const bool is_off =
        config_setting_type(setting) == CONFIG_TYPE_BOOL && !config_setting_get_bool(setting);
    const char *text = text_of(scenario, setting);

    if (!text) {
        fprintf(stderr, "seckill-bench: %s is neither text nor number nor a list of them\n", name);
        return false;
    }
    return is_off || take(arg, name, text);
}

static bool take_setting(struct scenario *scenario, const config_setting_t *setting,
                         scenario_setting_fn *take, void *arg)
{
    const char *name = config_setting_name(setting);
    const bool is_list = config_setting_is_array(setting) || config_setting_is_list(setting);
    bool good = true;

    if (!is_list) {
        return take_one(scenario, name, setting, take, arg);
    }
    for (int i = 0; good && i < config_setting_length(setting); i++) {
        good = take_one(scenario, name, config_setting_get_elem(setting, (unsigned)i), take, arg);
    }
    return good;
}

bool scenario_read(struct scenario *scenario, scenario_setting_fn *take, void *arg)
{
    const config_setting_t *root = config_root_setting(&scenario->config);

    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        if (!take_setting(scenario, setting, take, arg)) {
            fprintf(stderr, "seckill-bench: this stands in %s:%d\n", scenario->path,
                    config_setting_source_line(setting));
            return false;
        }
    }
    return true;
}

const char *scenario_name(const struct scenario *scenario)
{
    return scenario->name;
}
