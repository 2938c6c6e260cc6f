/* fault_proxy: stands between processes and their services on loopback, and breaks the way as told.
 *
 *   fault_proxy      takes commands from stdin, a line each, and answers each with a line on
 *                    stdout: `ok …` or `error …`. Ends with its stdin.
 *
 *   route NAME PORT TARGET       listens on 127.0.0.1:PORT, passes on to 127.0.0.1:TARGET
 *   set NAME up|down|both FAULT=VALUE...      latency_ms jitter_ms bandwidth slice slice_gap_us
 *                                blackhole (0 or 1), limit (bytes until the reset)
 *   clear NAME                   no faults any more, listens again
 *   cut NAME                     resets the connections that are open
 *   refuse NAME                  refuses new ones
 *   count NAME                   ok N: connections open now
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/proxy/proxy_route.h"

enum { LINE_MAX_BYTES = 512, WORDS_MAX = 16 };

static struct route *routes;
static struct event_base *base;

static bool number_of(const char *text, unsigned long most, unsigned long *ret)
{
    char *end = NULL;

    *ret = strtoul(text, &end, 10);
    return end != text && *end == '\0' && *ret <= most;
}

static struct route *find_route(const char *name)
{
    struct route *route = routes;

    while (route != NULL && strcmp(route->name, name) != 0) {
        route = route->next;
    }
    return route;
}

static const char *add_route(char *const words[], int count)
{
    unsigned long port = 0;
    unsigned long target = 0;

    if (count != 4 || strlen(words[1]) > ROUTE_NAME_MAX || find_route(words[1]) != NULL
        || !number_of(words[2], UINT16_MAX, &port) || !number_of(words[3], UINT16_MAX, &target)) {
        return "route NAME PORT TARGET, a new name";
    }
    struct route *route = route_open(base, words[1], (uint16_t)port, (uint16_t)target);
    if (route == NULL) {
        return "the port is taken";
    }
    route->next = routes;
    routes = route;
    return NULL;
}

static bool set_fault(struct faults *faults, const char *name, unsigned long value)
{
    const struct {
        const char *name;
        uint32_t *field;
    } numbers[] = {{"latency_ms", &faults->latency_ms},
                   {"jitter_ms", &faults->jitter_ms},
                   {"bandwidth", &faults->bandwidth},
                   {"slice", &faults->slice},
                   {"slice_gap_us", &faults->slice_gap_us}};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].field = (uint32_t)value;
            return true;
        }
    }
    if (strcmp(name, "blackhole") == 0) {
        faults->is_blackhole = value != 0;
        return true;
    }
    if (strcmp(name, "limit") == 0) {
        faults->is_limited = true;
        faults->limit = value;
        return true;
    }
    return false;
}

static const char *set_faults(struct route *route, char *const words[], int count)
{
    const bool both = strcmp(words[2], "both") == 0;
    const bool up = both || strcmp(words[2], "up") == 0;
    const bool down = both || strcmp(words[2], "down") == 0;

    if (!up && !down) {
        return "up, down or both";
    }
    for (int i = 3; i < count; i++) {
        char *equals = strchr(words[i], '=');
        unsigned long value = 0;
        if (equals == NULL || !number_of(equals + 1, UINT32_MAX, &value)) {
            return "FAULT=NUMBER";
        }
        *equals = '\0';
        if ((up && !set_fault(&route->up, words[i], value))
            || (down && !set_fault(&route->down, words[i], value))) {
            return "no such fault";
        }
    }
    route_wake(route);
    return NULL;
}

static const char *clear(struct route *route)
{
    route->up = route->down = (struct faults){0};
    route_wake(route);
    return route_listen(route) ? NULL : "the port was taken";
}

/* NULL: done; else what is wrong. */
static const char *run(char *const words[], int count)
{
    struct route *route = NULL;

    if (count > 0 && strcmp(words[0], "route") == 0) {
        return add_route(words, count);
    }
    if (count < 2 || (route = find_route(words[1])) == NULL) {
        return "no such command or route";
    }
    if (strcmp(words[0], "set") == 0 && count > 3) {
        return set_faults(route, words, count);
    }
    if (strcmp(words[0], "clear") == 0) {
        return clear(route);
    }
    if (strcmp(words[0], "cut") == 0) {
        route_cut(route);
        return NULL;
    }
    if (strcmp(words[0], "refuse") == 0) {
        route_refuse(route);
        return NULL;
    }
    return "no such command";
}

static void on_line(char *line)
{
    char *words[WORDS_MAX];
    int count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = word;
    }
    if (count == 2 && strcmp(words[0], "count") == 0 && find_route(words[1]) != NULL) {
        printf("ok %u\n", route_link_count(find_route(words[1])));
    } else {
        const char *wrong = run(words, count);
        printf("%s%s\n", wrong == NULL ? "ok" : "error ", wrong == NULL ? "" : wrong);
    }
    (void)fflush(stdout);
}

static void on_stdin(int fd, short what, void *arg)
{
    static char held[LINE_MAX_BYTES];
    static size_t size;
    char *end = NULL;

    (void)what, (void)arg;
    const ssize_t got = read(fd, held + size, sizeof held - 1 - size);
    if (got <= 0) {
        (void)event_base_loopbreak(base);
        return;
    }
    size += (size_t)got;
    held[size] = '\0';
    while ((end = strchr(held, '\n')) != NULL) {
        *end = '\0';
        on_line(held);
        size -= (size_t)(end + 1 - held);
        memmove(held, end + 1, size + 1);
    }
}

int main(void)
{
    base = event_base_new();
    struct event *input =
        base != NULL ? event_new(base, 0, EV_READ | EV_PERSIST, on_stdin, NULL) : NULL;

    if (input == NULL || event_add(input, NULL) != 0) {
        (void)fprintf(stderr, "fault_proxy: no event loop on stdin\n");
        return 1;
    }
    (void)event_base_dispatch(base);
    while (routes != NULL) {
        struct route *route = routes;
        routes = route->next;
        route_close(route);
    }
    event_free(input);
    event_base_free(base);
    return 0;
}
