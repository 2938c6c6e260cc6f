/* The configuration reader: the first byte chooses the door (file, environment, --set), the rest
 * is its input. What is accepted keeps the table's bounds; what is refused tells why in a line. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(int64_t value, int64_t min, int64_t max)
{
    ASSERT(value >= min && value <= max);
}

static void check_bounds(const struct conf *conf)
{
#define CHECK_U32(field, min, max) check_number(conf->field, min, max);
#define CHECK_BOOL(field, min, max)
#define CHECK_STR(field, min, max)                                                                 \
    check_number((int64_t)strnlen(conf->field, CONF_TEXT_SIZE), min, max);
#define CONF(key, field, type, text, min, max, reload, help) CHECK_##type(field, min, max)
#include "common/conf.def"
#undef CONF
}

static enum err load(struct conf *conf, char door, char *text, size_t size,
                     char error[static CONF_ERROR_SIZE])
{
    char *environment[] = {text, NULL};

    switch (door) {
    case 'e': return conf_load_environment(conf, environment, error);
    case 's': return conf_set(conf, text, error);
    default: return conf_load_text(conf, "fuzz.conf", text, size, error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[CONF_ERROR_SIZE] = "";
    struct conf conf;
    char *text;

    if (size == 0) {
        return 0;
    }
    text = malloc(size);
    ASSERT(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    conf_init(&conf);
    if (load(&conf, (char)data[0], text, size - 1, error) == ERR_OK) {
        check_bounds(&conf);
        ASSERT(error[0] == '\0');
    } else {
        ASSERT(error[0] != '\0' && strnlen(error, CONF_ERROR_SIZE) < CONF_ERROR_SIZE);
    }
    free(text);
    return 0;
}
