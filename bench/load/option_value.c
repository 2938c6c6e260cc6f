#include "option_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_SIZE_MAX = 1024 };

bool option_complain(const char *what, const char *value)
{
    fprintf(stderr, "seckill-bench: %s \"%s\" (see --help)\n", what, value);
    return false;
}

bool option_u32(const char *text, uint32_t min, uint32_t max, const char *what, uint32_t *ret)
{
    char *end = NULL;

    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < min || value > max) {
        fprintf(stderr, "seckill-bench: %s is a number from %u to %u, not \"%s\"\n", what, min, max,
                text);
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

bool option_real(const char *text, double max, const char *what, double *ret)
{
    char *end = NULL;
    const double value = strtod(text, &end);

    if (end == text || *end || !(value >= 0 && value <= max)) {
        fprintf(stderr, "seckill-bench: %s is a number from 0 to %g, not \"%s\"\n", what, max,
                text);
        return false;
    }
    *ret = value;
    return true;
}

bool option_word(const char *text, const char *const words[], uint32_t count, const char *what,
                 uint32_t *ret_index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret_index = i;
            return true;
        }
    }
    fprintf(stderr, "seckill-bench: %s is ", what);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(stderr, "%s%s", words[i], i + 2 < count ? ", " : i + 1 < count ? " or " : "");
    }
    fprintf(stderr, ", not \"%s\" (see --help)\n", text);
    return false;
}

bool option_target(const char *text, struct options *options)
{
    struct target *target = &options->targets[options->target_count];
    const char *rest = strncmp(text, "http://", 7) == 0 ? text + 7 : "";
    const size_t size = strcspn(rest, "/");
    char host[64];
    uint32_t port = 0;

    if (options->target_count == OPTIONS_TARGETS_MAX) {
        return option_complain("too many --url, at", text);
    }
    if (size == 0 || size >= sizeof host || (rest[size] && strcmp(rest + size, "/") != 0)) {
        return option_complain("--url is http://ADDRESS:PORT, not", text);
    }
    memcpy(host, rest, size);
    host[size] = '\0';
    memcpy(target->host, host, size + 1);
    char *colon = strchr(host, ':');
    if (!colon) {
        return option_complain("--url needs a port:", text);
    }
    *colon = '\0';
    const char *address = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    target->address.sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &target->address.sin_addr) != 1) {
        return option_complain("--url needs a numeric IPv4 address:", text);
    }
    if (!option_u32(colon + 1, 1, 65535, "the port of --url", &port)) {
        return false;
    }
    target->address.sin_port = htons((uint16_t)port);
    options->target_count++;
    return true;
}

bool option_sku(const char *text, struct options *options)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t size = strlen(text);

    if (size == 0 || size > 32 || strspn(text, letters) != size) {
        return option_complain("--sku is 1 to 32 of A-Z a-z 0-9 . _ -, not", text);
    }
    if (options->sku_count == OPTIONS_SKUS_MAX) {
        return option_complain("too many --sku, at", text);
    }
    options->skus[options->sku_count++] = text;
    return true;
}

/* NAME=PID[,PID]... */
bool option_cpu(const char *text, struct options *options)
{
    struct cpu_group *group = &options->cpus[options->cpu_count];
    const char *equals = strchr(text, '=');
    const size_t size = equals ? (size_t)(equals - text) : 0;

    if (size == 0 || size >= sizeof group->name || options->cpu_count == OPTIONS_CPUS_MAX) {
        return option_complain("--cpu is NAME=PID[,PID], at most eight times, not", text);
    }
    memcpy(group->name, text, size);
    for (const char *at = equals; *at;) {
        char *end = NULL;
        const long pid = strtol(at + 1, &end, 10);
        if (end == at + 1 || pid <= 0 || (*end && *end != ',')
            || group->pid_count == OPTIONS_PIDS_MAX) {
            return option_complain("--cpu needs process ids:", text);
        }
        group->pids[group->pid_count++] = (int)pid;
        at = end;
    }
    options->cpu_count++;
    return true;
}

static bool count_sources(const char *text, struct options *options)
{
    uint32_t count;

    if (!option_u32(text, 1, OPTIONS_SOURCES_MAX, "--sources", &count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        options->sources[i].s_addr = htonl(INADDR_LOOPBACK + i);
    }
    options->source_count = count;
    return true;
}

bool option_sources(const char *text, struct options *options)
{
    char list[LIST_SIZE_MAX];
    char *rest = NULL;

    if (!strchr(text, '.') && !strchr(text, ',')) {
        return count_sources(text, options);
    }
    if ((size_t)snprintf(list, sizeof list, "%s", text) >= sizeof list) {
        return option_complain("--sources is too long:", text);
    }
    options->source_count = 0;
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (options->source_count == OPTIONS_SOURCES_MAX
            || inet_pton(AF_INET, word, &options->sources[options->source_count++]) != 1) {
            return option_complain("--sources is a count, or IPv4 addresses with commas, not",
                                   text);
        }
    }
    return options->source_count > 0
           || option_complain("--sources is a count, or IPv4 addresses with commas, not", text);
}
