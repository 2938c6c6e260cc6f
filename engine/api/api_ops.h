/* api_ops: /livez, /readyz and /metrics, for the engine and the worker.
 * Why:    both processes tell their health in one shape: readiness names each cause.
 * Never:  does I/O to find out: readiness is what the modules know already.
 * Thread: loop.  Owner: the process; outlives the server that has its routes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metrics.h"
#include "http/http_server.h"

enum { API_OPS_ROUTES = 3, API_OPS_CAUSES_MAX = 32 };

/* What keeps the process from being ready, or what it lacks besides. */
struct api_ops_cause {
    const char *name; /* "redis"; static */
    char detail[192]; /* for the operator, "" is fine */
    bool is_warning;  /* it is ready all the same */
};
struct api_ops_causes {
    uint32_t count;
    struct api_ops_cause causes[API_OPS_CAUSES_MAX];
};
/* Appends a cause; beyond API_OPS_CAUSES_MAX it is dropped. `detail` is copied and cut; NULL:
 * "". */
void api_ops_cause_add(struct api_ops_causes *causes, const char *name, const char *detail);
/* The same for what an operator must know and a balancer must not act on. */
void api_ops_warning_add(struct api_ops_causes *causes, const char *name, const char *detail);

/* Called per GET /readyz: adds each cause there is; none: ready. */
typedef void api_ops_ready_fn(void *arg, struct api_ops_causes *causes);
/* Called per GET /livez; false: a thread does not turn (FE13). NULL: always alive. */
typedef bool api_ops_alive_fn(void *arg);
/* Called before a scrape, to set gauges. NULL: nothing to do. */
typedef void api_ops_refresh_fn(void *arg);

struct api_ops;
struct api_ops_options {
    const struct metrics *metrics; /* borrowed, outlives the api_ops */
    enum metrics_process process;  /* whose metrics /metrics shows */
    api_ops_ready_fn *ready;
    api_ops_alive_fn *alive;
    api_ops_refresh_fn *refresh;
    void *arg; /* for all three */
};
struct api_ops *api_ops_create(const struct api_ops_options *options); /* NULL: no memory */
void api_ops_destroy(struct api_ops *ops);                             /* NULL is fine */
/* Fills routes[0..API_OPS_ROUTES-1] for http_server_options.routes; `ops` outlives the server.
 * /livez: 200 {"status":"alive"} or 503 {"status":"stalled"}. /readyz: 200
 * {"status":"ready","causes":[]} or 503 {"status":"not-ready","causes":[{"name":…,"detail":…}]};
 * "warnings", with the same members, is there when there are some, in either.
 * /metrics: Prometheus text format 0.0.4. */
void api_ops_routes(struct api_ops *ops, struct http_route routes[static API_OPS_ROUTES]);
