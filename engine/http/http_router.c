#include "http/http_router.h"

#include "common/assert.h"
#include "http/http_syntax.h"

#include <stdlib.h>
#include <string.h>

enum { SEGMENTS_MAX = 8 };

struct segments {
    uint32_t count;
    struct http_slice parts[SEGMENTS_MAX];
};

struct path_pattern {
    struct segments segments; /* borrowed text; a parameter has data NULL */
    const char *text;         /* borrowed: the pattern as it was given */
    const struct http_route *by_method[HTTP_METHOD_COUNT]; /* into router->routes */
    size_t allow_size;
    char allow[HTTP_ROUTER_ALLOW_SIZE];
};

struct http_router {
    struct http_route *routes;     /* owned copy */
    struct path_pattern *patterns; /* owned; at most one a route */
    uint32_t pattern_count;
};

/* False: does not begin with '/', or has too many segments. "/" is one empty segment. */
static bool split(struct http_slice path, struct segments *ret_segments)
{
    const char *at = path.data;
    const char *end = path.data + path.size;

    ret_segments->count = 0;
    while (at < end && *at == '/') {
        const char *next;

        if (ret_segments->count == SEGMENTS_MAX) {
            return false;
        }
        at++;
        next = memchr(at, '/', (size_t)(end - at));
        next = next ? next : end;
        ret_segments->parts[ret_segments->count++] = (struct http_slice){at, (size_t)(next - at)};
        at = next;
    }
    return ret_segments->count > 0;
}

static bool compile_pattern(const char *text, struct path_pattern *pattern)
{
    uint32_t params = 0;

    pattern->text = text;
    if (!split((struct http_slice){text, strlen(text)}, &pattern->segments)) {
        return false;
    }
    for (uint32_t i = 0; i < pattern->segments.count; i++) {
        struct http_slice *part = &pattern->segments.parts[i];

        if (part->size > 2 && part->data[0] == '{' && part->data[part->size - 1] == '}') {
            *part = (struct http_slice){NULL, 0};
            params++;
        }
    }
    return params <= HTTP_PARAMS_MAX;
}

static struct path_pattern *pattern_for(struct http_router *router, const char *text)
{
    struct path_pattern *pattern;

    for (uint32_t i = 0; i < router->pattern_count; i++) {
        if (strcmp(router->patterns[i].text, text) == 0) {
            return &router->patterns[i];
        }
    }
    pattern = &router->patterns[router->pattern_count];
    if (!compile_pattern(text, pattern)) {
        return NULL;
    }
    router->pattern_count++;
    return pattern;
}

static bool add_route(struct http_router *router, const struct http_route *route)
{
    struct path_pattern *pattern = pattern_for(router, route->pattern);

    ASSERT(route->handler != NULL);
    if (!pattern || route->method >= HTTP_METHOD_OTHER || pattern->by_method[route->method]) {
        return false;
    }
    pattern->by_method[route->method] = route;
    if (route->method == HTTP_METHOD_GET && (route->flags & HTTP_ROUTE_HEAD)) {
        pattern->by_method[HTTP_METHOD_HEAD] = route;
    }
    return true;
}

static void append_allow(struct path_pattern *pattern, const char *text)
{
    size_t size = strlen(text);

    ASSERT(size <= sizeof pattern->allow - pattern->allow_size);
    memcpy(pattern->allow + pattern->allow_size, text, size);
    pattern->allow_size += size;
}

static void make_allow(struct path_pattern *pattern)
{
    const char *separator = "Allow: ";

    for (int method = 0; method < HTTP_METHOD_OTHER; method++) {
        if (pattern->by_method[method]) {
            append_allow(pattern, separator);
            append_allow(pattern, http_syntax_method_name((enum http_method)method));
            separator = ", ";
        }
    }
    append_allow(pattern, "\r\n");
}

struct http_router *http_router_create(const struct http_route *routes, uint32_t route_count,
                                       const struct http_route **ret_bad)
{
    struct http_router *router = calloc(1, sizeof *router);

    *ret_bad = NULL;
    if (!router) {
        return NULL;
    }
    router->routes = calloc(route_count + 1, sizeof *router->routes);
    router->patterns = calloc(route_count + 1, sizeof *router->patterns);
    if (!router->routes || !router->patterns) {
        http_router_destroy(router);
        return NULL;
    }
    for (uint32_t i = 0; i < route_count; i++) {
        router->routes[i] = routes[i];
        if (!add_route(router, &router->routes[i])) {
            *ret_bad = &routes[i];
            http_router_destroy(router);
            return NULL;
        }
    }
    for (uint32_t i = 0; i < router->pattern_count; i++) {
        make_allow(&router->patterns[i]);
    }
    return router;
}

void http_router_destroy(struct http_router *router)
{
    if (!router) {
        return;
    }
    free(router->routes);
    free(router->patterns);
    free(router);
}

static bool fits(const struct path_pattern *pattern, const struct segments *path)
{
    if (pattern->segments.count != path->count) {
        return false;
    }
    for (uint32_t i = 0; i < path->count; i++) {
        struct http_slice wanted = pattern->segments.parts[i];
        struct http_slice there = path->parts[i];

        if (!wanted.data) {
            if (there.size == 0) {
                return false;
            }
        } else if (wanted.size != there.size || memcmp(wanted.data, there.data, there.size) != 0) {
            return false;
        }
    }
    return true;
}

static void take_params(const struct path_pattern *pattern, const struct segments *path,
                        struct http_request *request)
{
    request->param_count = 0;
    for (uint32_t i = 0; i < path->count; i++) {
        if (!pattern->segments.parts[i].data) {
            request->params[request->param_count++] = path->parts[i];
        }
    }
}

struct http_router_match http_router_find(const struct http_router *router,
                                          struct http_request *request)
{
    struct http_router_match match = {NULL, {NULL, 0}};
    struct segments path;

    ASSERT(request->method < HTTP_METHOD_COUNT);
    if (!split(request->path, &path)) {
        return match;
    }
    for (uint32_t i = 0; i < router->pattern_count; i++) {
        const struct path_pattern *pattern = &router->patterns[i];

        if (fits(pattern, &path)) {
            take_params(pattern, &path, request);
            match.route = pattern->by_method[request->method];
            match.allow = (struct http_slice){pattern->allow, pattern->allow_size};
            return match;
        }
    }
    return match;
}
