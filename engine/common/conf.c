#include "common/conf.h"

#include "common/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

enum type { TYPE_U32, TYPE_BOOL, TYPE_STR };
enum reload { RELOAD, RESTART };

static const char environment_prefix[] = "SECKILL_CONF_";

static const struct conf_row {
    const char *key;
    const char *text; /* the default */
    const char *help;
    enum type type;
    enum reload reload;
    uint32_t min, max;
    size_t offset; /* in struct conf */
} rows[] = {
#define CONF(key, field, type, text, min, max, reload, help)                                       \
    {key, text, help, TYPE_##type, reload, min, max, offsetof(struct conf, field)},
#include "common/conf.def"
#undef CONF
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0], KEY_SIZE_MAX = 64, WHY_SIZE = 128 };

static void *field_of(struct conf *conf, const struct conf_row *row)
{
    return (char *)conf + row->offset;
}

static const struct conf_row *find_row(const char *key)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].key, key) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* The setters give false and one part of a sentence when the value is refused. */
static bool set_u32(struct conf *conf, const struct conf_row *row, int64_t value,
                    char why[static WHY_SIZE])
{
    if (value < row->min || value > row->max) {
        (void)snprintf(why, WHY_SIZE, "must be %" PRIu32 " to %" PRIu32, row->min, row->max);
        return false;
    }
    *(uint32_t *)field_of(conf, row) = (uint32_t)value;
    return true;
}

static bool set_str(struct conf *conf, const struct conf_row *row, const char *value,
                    char why[static WHY_SIZE])
{
    size_t size = strlen(value);

    if (size < row->min || size > row->max) {
        (void)snprintf(why, WHY_SIZE, "must have %" PRIu32 " to %" PRIu32 " characters", row->min,
                       row->max);
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)value[i] < ' ' || value[i] == 0x7f) {
            (void)snprintf(why, WHY_SIZE, "has a control character");
            return false;
        }
    }
    ASSERT(size < CONF_TEXT_SIZE);
    memcpy(field_of(conf, row), value, size + 1);
    return true;
}

static bool set_bool(struct conf *conf, const struct conf_row *row, const char *value,
                     char why[static WHY_SIZE])
{
    bool yes = strcmp(value, "true") == 0;

    if (!yes && strcmp(value, "false") != 0) {
        (void)snprintf(why, WHY_SIZE, "must be true or false");
        return false;
    }
    *(bool *)field_of(conf, row) = yes;
    return true;
}

static bool set_text(struct conf *conf, const struct conf_row *row, const char *value,
                     char why[static WHY_SIZE])
{
    size_t digits = strspn(value, "0123456789");

    switch (row->type) {
    case TYPE_U32:
        if (digits == 0 || digits > 10 || value[digits] != '\0') {
            (void)snprintf(why, WHY_SIZE, "must be a whole number");
            return false;
        }
        return set_u32(conf, row, strtoll(value, NULL, 10), why);
    case TYPE_BOOL: return set_bool(conf, row, value, why);
    case TYPE_STR: return set_str(conf, row, value, why);
    }
    UNREACHABLE();
}

void conf_init(struct conf *conf)
{
    char why[WHY_SIZE];

    memset(conf, 0, sizeof *conf);
    for (int i = 0; i < ROW_COUNT; i++) {
        ASSERT(strlen(rows[i].key) < KEY_SIZE_MAX);
        ASSERT(set_text(conf, &rows[i], rows[i].text, why));
    }
}

static bool set_setting(struct conf *conf, const struct conf_row *row, config_setting_t *setting,
                        char why[static WHY_SIZE])
{
    int type = config_setting_type(setting);

    switch (row->type) {
    case TYPE_U32:
        if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
            (void)snprintf(why, WHY_SIZE, "must be a whole number");
            return false;
        }
        return set_u32(conf, row,
                       type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
                                               : config_setting_get_int64(setting),
                       why);
    case TYPE_BOOL:
        if (type != CONFIG_TYPE_BOOL) {
            (void)snprintf(why, WHY_SIZE, "must be true or false");
            return false;
        }
        *(bool *)field_of(conf, row) = config_setting_get_bool(setting) == CONFIG_TRUE;
        return true;
    case TYPE_STR:
        if (type != CONFIG_TYPE_STRING) {
            (void)snprintf(why, WHY_SIZE, "must be text in double quotes");
            return false;
        }
        return set_str(conf, row, config_setting_get_string(setting), why);
    }
    UNREACHABLE();
}

struct file_reader {
    struct conf *conf; /* borrowed */
    const char *name;  /* borrowed */
    char *error;       /* borrowed; CONF_ERROR_SIZE */
};

static enum err refuse(struct file_reader *reader, unsigned line, const char *key, const char *why)
{
    (void)snprintf(reader->error, CONF_ERROR_SIZE, "%.200s:%u: %.100s %s", reader->name, line, key,
                   why);
    return ERR_CONFIG;
}

/* One member of the root (`group` NULL) or of a group of it; nothing nests deeper. */
static enum err read_setting(struct file_reader *reader, const char *group,
                             config_setting_t *setting)
{
    unsigned line = config_setting_source_line(setting);
    const char *name = config_setting_name(setting);
    char key[KEY_SIZE_MAX], why[WHY_SIZE];
    const struct conf_row *row;
    int size = snprintf(key, sizeof key, "%s%s%s", group ? group : "", group ? "." : "", name);

    row = size < (int)sizeof key ? find_row(key) : NULL;
    if (!row) {
        return refuse(reader, line, key, "is not a setting");
    }
    if (!set_setting(reader->conf, row, setting, why)) {
        return refuse(reader, line, key, why);
    }
    return ERR_OK;
}

static enum err read_root(struct file_reader *reader, config_setting_t *root)
{
    enum err err = ERR_OK;

    for (int i = 0; err == ERR_OK && i < config_setting_length(root); i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);

        if (!config_setting_is_group(setting)) {
            err = read_setting(reader, NULL, setting);
            continue;
        }
        for (int j = 0; err == ERR_OK && j < config_setting_length(setting); j++) {
            err = read_setting(reader, config_setting_name(setting),
                               config_setting_get_elem(setting, (unsigned)j));
        }
    }
    return err;
}

/* libconfig would open other files for it, wherever they are. */
static bool has_include(const char *text)
{
    const char *line = text;

    while (line) {
        line += strspn(line, " \t");
        if (strncmp(line, "@include", 8) == 0) {
            return true;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

static enum err read_text(struct file_reader *reader, const char *text)
{
    config_t config;
    enum err err;

    if (has_include(text)) {
        return refuse(reader, 1, "@include", "is not supported");
    }
    config_init(&config);
    if (config_read_string(&config, text) == CONFIG_TRUE) {
        err = read_root(reader, config_root_setting(&config));
    } else {
        err = refuse(reader, (unsigned)config_error_line(&config),
                     "is not well-formed:", config_error_text(&config));
    }
    config_destroy(&config);
    return err;
}

enum err conf_load_text(struct conf *conf, const char *name, const char *text, size_t size,
                        char error[static CONF_ERROR_SIZE])
{
    struct file_reader reader = {.conf = conf, .name = name, .error = error};
    enum err err;
    char *copy;

    if (size > CONF_FILE_SIZE_MAX) {
        return refuse(&reader, 1, "the file", "is larger than 64 KiB");
    }
    if (size > 0 && memchr(text, '\0', size)) {
        return refuse(&reader, 1, "the file", "holds a NUL byte");
    }
    copy = malloc(size + 1);
    if (!copy) {
        return refuse(&reader, 1, "the file", "does not fit in memory");
    }
    if (size > 0) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    err = read_text(&reader, copy);
    free(copy);
    return err;
}

enum err conf_load_file(struct conf *conf, const char *path, char error[static CONF_ERROR_SIZE])
{
    FILE *file = fopen(path, "rbe");
    size_t size = 0;
    enum err err;
    char *text;

    if (!file) {
        (void)snprintf(error, CONF_ERROR_SIZE, "%.200s: cannot be opened: %s", path,
                       strerror(errno));
        return ERR_CONFIG;
    }
    text = malloc(CONF_FILE_SIZE_MAX + 1);
    if (text) {
        size = fread(text, 1, CONF_FILE_SIZE_MAX + 1, file);
    }
    if (!text || ferror(file)) {
        (void)snprintf(error, CONF_ERROR_SIZE, "%.200s: cannot be read: %s", path, strerror(errno));
        err = ERR_CONFIG;
    } else {
        err = conf_load_text(conf, path, text, size, error);
    }
    free(text);
    (void)fclose(file);
    return err;
}

/* REDIS__CONNECT_TIMEOUT_MS= gives redis.connect_timeout_ms; false: not the name of any key. */
static bool key_of_environment(const char *name, size_t size, char key[static KEY_SIZE_MAX])
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        char c = name[i];

        if (used == KEY_SIZE_MAX - 1) {
            return false;
        }
        if (c == '_' && i + 1 < size && name[i + 1] == '_') {
            c = '.';
            i++;
        } else if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        key[used++] = c;
    }
    key[used] = '\0';
    return true;
}

/* "name=value" from `where`, its '=' at `equals`; `row` NULL: no setting has that name. */
static enum err take_assignment(struct conf *conf, const struct conf_row *row, const char *name,
                                const char *equals, const char *where,
                                char error[static CONF_ERROR_SIZE])
{
    char why[WHY_SIZE] = "is not a setting";

    if (row && set_text(conf, row, equals + 1, why)) {
        return ERR_OK;
    }
    (void)snprintf(error, CONF_ERROR_SIZE, "%s: %.*s %s", where,
                   (int)(equals - name > 100 ? 100 : equals - name), name, why);
    return ERR_CONFIG;
}

enum err conf_load_environment(struct conf *conf, char *const *environment,
                               char error[static CONF_ERROR_SIZE])
{
    for (; *environment; environment++) {
        const char *entry = *environment;
        const char *value = strchr(entry, '=');
        size_t prefix_size = sizeof environment_prefix - 1;
        char key[KEY_SIZE_MAX];
        const struct conf_row *row = NULL;

        if (strncmp(entry, environment_prefix, prefix_size) != 0 || !value) {
            continue;
        }
        if (key_of_environment(entry + prefix_size, (size_t)(value - entry) - prefix_size, key)) {
            row = find_row(key);
        }
        if (take_assignment(conf, row, entry, value, "environment", error) != ERR_OK) {
            return ERR_CONFIG;
        }
    }
    return ERR_OK;
}

enum err conf_set(struct conf *conf, const char *assignment, char error[static CONF_ERROR_SIZE])
{
    const char *value = strchr(assignment, '=');
    char key[KEY_SIZE_MAX];
    const struct conf_row *row = NULL;

    if (!value) {
        (void)snprintf(error, CONF_ERROR_SIZE, "--set %.100s: not of the form key=value",
                       assignment);
        return ERR_CONFIG;
    }
    if ((size_t)(value - assignment) < sizeof key) {
        memcpy(key, assignment, (size_t)(value - assignment));
        key[value - assignment] = '\0';
        row = find_row(key);
    }
    return take_assignment(conf, row, assignment, value, "--set", error);
}

static const char *bounds_of(const struct conf_row *row, char text[static WHY_SIZE])
{
    switch (row->type) {
    case TYPE_U32:
        (void)snprintf(text, WHY_SIZE, "%" PRIu32 " to %" PRIu32, row->min, row->max);
        return text;
    case TYPE_BOOL: return "true or false";
    case TYPE_STR:
        (void)snprintf(text, WHY_SIZE, "text, %" PRIu32 " to %" PRIu32 " characters", row->min,
                       row->max);
        return text;
    }
    UNREACHABLE();
}

void conf_write_docs(FILE *out)
{
    char bounds[WHY_SIZE];

    fputs(
        "# Configuration\n\n"
        "Written by `seckilld --print-config`; a test fails when this file differs.\n\n"
        "Both processes read one libconfig file (`--config FILE`); `http.port` is\n"
        "`http: { port = 8080; };` there. The environment overrides the file\n"
        "(`SECKILL_CONF_HTTP__PORT=8080`), and `--set http.port=8080` overrides both. An unknown "
        "key,\n"
        "a bad value or an unsafe combination is refused at start; `--check-config` only looks.\n\n"
        "| key | default | bounds | takes effect | meaning |\n|---|---|---|---|---|\n",
        out);
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct conf_row *row = &rows[i];

        fprintf(out, "| `%s` | %s%s%s | %s | %s | %s |\n", row->key, row->text[0] ? "`" : "",
                row->text[0] ? row->text : "empty", row->text[0] ? "`" : "", bounds_of(row, bounds),
                row->reload == RELOAD ? "SIGHUP" : "start", row->help);
    }
}

void conf_write_sample(FILE *out)
{
    char bounds[WHY_SIZE];
    size_t group_size = 0;
    const char *group = "";

    fputs("# Configuration of seckilld and seckill-worker (libconfig). Every setting is here, "
          "commented\n"
          "# out, at its default.\n",
          out);
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct conf_row *row = &rows[i];
        const char *dot = strchr(row->key, '.');
        size_t size = dot ? (size_t)(dot - row->key) : 0;
        const char *quote = row->type == TYPE_STR ? "\"" : "";

        if (size != group_size || strncmp(group, row->key, size) != 0) {
            fputs(group_size > 0 ? "};\n" : "", out);
            group = row->key;
            group_size = size;
            if (size > 0) {
                fprintf(out, "\n%.*s:\n{\n", (int)size, group);
            } else {
                fputs("\n", out);
            }
        }
        fprintf(out, "%s# %s (%s)\n", size > 0 ? "    " : "", row->help, bounds_of(row, bounds));
        fprintf(out, "%s#%s = %s%s%s;\n", size > 0 ? "    " : "", dot ? dot + 1 : row->key, quote,
                row->text, quote);
    }
    fputs(group_size > 0 ? "};\n" : "", out);
}

static bool is_secret(const char *key)
{
    static const char *const ends[] = {"password", "secret", "token"};
    size_t size = strlen(key);

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end_size = strlen(ends[i]);

        if (size >= end_size && strcmp(key + size - end_size, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

void conf_write_values(const struct conf *conf, FILE *out)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct conf_row *row = &rows[i];
        const void *field = (const char *)conf + row->offset;
        const char *text = field;

        switch (row->type) {
        case TYPE_U32:
            fprintf(out, "%s = %" PRIu32 "\n", row->key, *(const uint32_t *)field);
            break;
        case TYPE_BOOL:
            fprintf(out, "%s = %s\n", row->key, *(const bool *)field ? "true" : "false");
            break;
        case TYPE_STR:
            fprintf(out, "%s = \"%s\"\n", row->key, is_secret(row->key) && *text ? "***" : text);
            break;
        }
    }
}
