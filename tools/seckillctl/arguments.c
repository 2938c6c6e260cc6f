#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static bool is_option(const char *text)
{
    return strncmp(text, "--", 2) == 0;
}

/* 0: unknown, 1: a flag, 2: takes a value. */
static int option_kind(const char *known, const char *name)
{
    const size_t size = strlen(name);

    for (const char *at = known; *at;) {
        const size_t word = strcspn(at, " ");
        if (word == size && strncmp(at, name, size) == 0) {
            return 2;
        }
        if (word == size + 1 && strncmp(at, name, size) == 0 && at[size] == '!') {
            return 1;
        }
        at += word + (at[word] == ' ');
    }
    return 0;
}

/* Ends the line that tells what is wrong by what would be right. */
static bool end_complaint(const struct arguments *arguments)
{
    const struct command *command = arguments->command;

    fprintf(stderr, "; usage: seckillctl %s%s%s%s%s\n", command->group, blank_before(command->verb),
            command->verb, blank_before(command->usage), command->usage);
    return false;
}

static bool has_value(const struct arguments *arguments, int option)
{
    return option + 1 < arguments->count && !is_option(arguments->values[option + 1]);
}

bool arguments_check(const struct arguments *arguments, const char *known, int positionals)
{
    int others = 0;

    for (int i = 0; i < arguments->count; i++) {
        const char *text = arguments->values[i];
        const int kind = is_option(text) ? option_kind(known, text + 2) : 0;
        if (!is_option(text)) {
            others++;
        } else if (kind == 0) {
            fprintf(stderr, "seckillctl: unknown option %s", text);
            return end_complaint(arguments);
        } else if (kind == 2 && !has_value(arguments, i)) {
            fprintf(stderr, "seckillctl: %s needs a value", text);
            return end_complaint(arguments);
        }
        i += kind == 2;
    }
    if (others != positionals) {
        fprintf(stderr, "seckillctl: %d argument%s expected, %d given", positionals,
                positionals == 1 ? "" : "s", others);
        return end_complaint(arguments);
    }
    return true;
}

/* Flags are the options that stand last or before another option; values never begin with "--". */
const char *option_value(const struct arguments *arguments, const char *name)
{
    for (int i = 0; i + 1 < arguments->count; i++) {
        if (is_option(arguments->values[i]) && strcmp(arguments->values[i] + 2, name) == 0) {
            return arguments->values[i + 1];
        }
    }
    return NULL;
}

bool option_given(const struct arguments *arguments, const char *name)
{
    for (int i = 0; i < arguments->count; i++) {
        if (is_option(arguments->values[i]) && strcmp(arguments->values[i] + 2, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Options that stand alone; every other one takes the word behind it. */
static bool is_flag(const char *text)
{
    static const char *const flags[] = {"--no-wait", "--force", "--paused", "--restock"};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(text, flags[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *positional(const struct arguments *arguments, int index)
{
    for (int i = 0; i < arguments->count; i++) {
        const char *text = arguments->values[i];
        if (is_option(text)) {
            i += !is_flag(text);
        } else if (index-- == 0) {
            return text;
        }
    }
    return NULL;
}

bool options_as_query(const struct arguments *arguments, const char *const *names, char *path,
                      size_t size)
{
    char separator = '?';

    for (; *names; names++) {
        const char *value = option_value(arguments, *names);
        char *escaped = value ? client_escape(value) : NULL;
        const size_t used = strlen(path);
        if (escaped
            && (size_t)snprintf(path + used, size - used, "%c%s=%s", separator, *names, escaped)
                   >= size - used) {
            fputs("seckillctl: the options are too long\n", stderr);
            free(escaped);
            return false;
        }
        separator = escaped ? '&' : separator;
        free(escaped);
    }
    return true;
}

const char *blank_before(const char *text)
{
    return *text ? " " : "";
}

bool whole_number(const char *what, const char *text, long long min, long long *ret_number)
{
    char *end = NULL;

    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min) {
        fprintf(stderr, "seckillctl: %s is a whole number from %lld on, not \"%s\"\n", what, min,
                text);
        return false;
    }
    *ret_number = value;
    return true;
}

bool sale_number(const char *text, unsigned long *ret_sale)
{
    char *end = NULL;

    errno = 0;
    const unsigned long value = text ? strtoul(text, &end, 10) : 0;
    if (!text || errno || end == text || *end || value < 1 || value > 8388607 || *text == '-') {
        fprintf(stderr, "seckillctl: a sale is a number from 1 to 8388607, not \"%s\"\n",
                text ? text : "");
        return false;
    }
    *ret_sale = value;
    return true;
}

int show(const struct client *client, json_t *root, void (*print)(const json_t *root))
{
    if (!root) {
        return EXIT_FAILED_CALL;
    }
    if (client->json) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print(root);
    }
    json_decref(root);
    return EXIT_DONE;
}
