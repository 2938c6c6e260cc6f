#include "bin/command_line.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/metrics.h"

enum { STATUS_DONE = 0, STATUS_USAGE = 2, METRICS_DOCS_MAX = 1 << 20 };

extern char **environ;

/* What is to be printed instead of starting. */
enum print { PRINT_NOTHING, PRINT_CHECK, PRINT_DOCS, PRINT_SAMPLE, PRINT_VALUES, PRINT_METRICS };

static void print_help(const struct command_line *line)
{
    printf(
        "usage: %s [--config FILE] [--set KEY=VALUE]...\n"
        "%s\n\n"
        "  --config FILE    settings (libconfig); the environment (SECKILL_CONF_REDIS__PORT=6380)\n"
        "                   and --set weigh more\n"
        "  --set KEY=VALUE  one setting, as redis.port=6380\n"
        "  --check-config   check the settings and end: 0 good, 2 not\n"
        "  --print-values   the settings in force, secrets hidden\n"
        "  --print-config   all settings with default, bounds and meaning (docs/CONFIGURATION.md)\n"
        "  --print-sample   a settings file with every default\n"
        "  --print-metrics  all metrics (docs/METRICS.md)\n"
        "  --version, --help\n\n"
        "SIGTERM ends it gracefully, a second one at once.\n",
        line->program, line->summary);
}

static void print_metrics(void)
{
    struct buf docs;

    buf_init(&docs, METRICS_DOCS_MAX);
    metrics_write_docs(&docs);
    fputs(buf_text(&docs), stdout);
    buf_finish(&docs);
}

static enum print print_of(const char *argument)
{
    static const struct {
        const char *argument;
        enum print print;
    } table[] = {
        {"--check-config", PRINT_CHECK},    {"--print-config", PRINT_DOCS},
        {"--print-sample", PRINT_SAMPLE},   {"--print-values", PRINT_VALUES},
        {"--print-metrics", PRINT_METRICS},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(argument, table[i].argument) == 0) {
            return table[i].print;
        }
    }
    return PRINT_NOTHING;
}

static int complain(const struct command_line *line, const char *what)
{
    fprintf(stderr, "%s: %s\n", line->program, what);
    return STATUS_USAGE;
}

/* --config first, whatever its place; then the environment; then --set in order. 0: good. */
static int load(const struct command_line *line, int argc, char **argv, struct conf *conf)
{
    char error[CONF_ERROR_SIZE] = "";

    conf_init(conf);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0
            && conf_load_file(conf, argv[i + 1], error) != ERR_OK) {
            return complain(line, error);
        }
    }
    if (conf_load_environment(conf, environ, error) != ERR_OK) {
        return complain(line, error);
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--set") == 0 && conf_set(conf, argv[i + 1], error) != ERR_OK) {
            return complain(line, error);
        }
    }
    return STATUS_DONE;
}

/* Every argument is known and has its value. 0: good. */
static int scan(const struct command_line *line, int argc, char **argv, enum print *ret_print)
{
    char text[CONF_ERROR_SIZE];

    for (int i = 1; i < argc; i++) {
        const bool takes_value = strcmp(argv[i], "--config") == 0 || strcmp(argv[i], "--set") == 0;
        if (takes_value && ++i >= argc) {
            snprintf(text, sizeof text, "%s needs a value (see --help)", argv[i - 1]);
            return complain(line, text);
        }
        if (!takes_value && print_of(argv[i]) == PRINT_NOTHING) {
            snprintf(text, sizeof text, "unknown argument %s (see --help)", argv[i]);
            return complain(line, text);
        }
        *ret_print = takes_value ? *ret_print : print_of(argv[i]);
    }
    return STATUS_DONE;
}

bool command_line_read(const struct command_line *line, int argc, char **argv, struct conf *conf,
                       int *ret_status)
{
    char error[CONF_ERROR_SIZE] = "";
    enum print print = PRINT_NOTHING;

    *ret_status = STATUS_DONE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(line);
            return false;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", line->program, SECKILL_VERSION);
            return false;
        }
    }
    *ret_status = scan(line, argc, argv, &print);
    *ret_status = *ret_status == STATUS_DONE ? load(line, argc, argv, conf) : *ret_status;
    if (*ret_status != STATUS_DONE) {
        return false;
    }
    switch (print) {
    case PRINT_DOCS: conf_write_docs(stdout); return false;
    case PRINT_SAMPLE: conf_write_sample(stdout); return false;
    case PRINT_VALUES: conf_write_values(conf, stdout); return false;
    case PRINT_METRICS: print_metrics(); return false;
    case PRINT_CHECK:
    case PRINT_NOTHING: break;
    }
    if (conf_check(conf, line->role, error) != ERR_OK
        || (line->check && line->check(conf, error) != ERR_OK)) {
        *ret_status = complain(line, error);
        return false;
    }
    return print != PRINT_CHECK;
}

static enum log_level level_of(const char *text)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            return (enum log_level)i;
        }
    }
    return LOG_LEVEL_INFO;
}

void command_line_start_log(const struct conf *conf)
{
    const enum log_format format =
        strcmp(conf->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;

    if (log_start(STDERR_FILENO, level_of(conf->log_level), format) != ERR_OK) {
        LOG_WARN("log_unbuffered", KV_STR("why", "no memory for its thread"));
    }
}

void command_line_reload(const struct command_line *line, int argc, char **argv)
{
    static struct conf conf; /* too large for a stack; one thread reloads */
    char error[CONF_ERROR_SIZE] = "";

    if (load(line, argc, argv, &conf) != STATUS_DONE
        || conf_check(&conf, line->role, error) != ERR_OK) {
        LOG_WARN("settings_not_reloaded", KV_STR("why", error[0] != '\0' ? error : "see stderr"));
        return;
    }
    log_set_level(level_of(conf.log_level));
    LOG_INFO("settings_reloaded", KV_STR("log_level", conf.log_level));
}
