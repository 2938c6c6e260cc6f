/* admin_api: the operator's resources, under /v1/admin (PROTOCOL §7).
 * Why:    what they need is in MySQL and blocks: each request is a job on a pool thread, answered
 *         on the loop.
 * Never:  works without the bearer token; changes anything without a row in admin_log.
 * Thread: loop; jobs run on pool threads.  Owner: the caller of admin_api_create(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "http/http_server.h"
#include "inventory/redis_blocking.h"
#include "ledger/mysql_link.h"

struct admin_api;
struct conf;
struct guard_loads;
struct loop;
struct metrics_shard;
struct waiter;

enum { ADMIN_ROUTES_MAX = 24 };

struct admin_api_options {
    struct loop *loop;                   /* borrowed, outlives the api */
    const struct conf *conf;             /* borrowed */
    struct mysql_link_options mysql;     /* texts borrowed until destroy */
    struct redis_blocking_options redis; /* texts borrowed until destroy */
    struct waiter *waiter;               /* borrowed: stopping it ends audits in work */
    const char *owner;                   /* borrowed: who this worker is */
    const char *token;                   /* borrowed: the bearer token */
    struct guard_loads *loads;           /* borrowed, outlives the api: runs what is asked for */
    struct metrics_shard *audit_shard;   /* borrowed or NULL: of the loop */
};
/* NULL: no memory or no threads. */
struct admin_api *admin_api_create(const struct admin_api_options *options);
/* Waits for running jobs and sends their answers: the server must still be there. Stop the waiter
 * and drain the server first. NULL is fine. */
void admin_api_destroy(struct admin_api *api);
/* The routes for http_server_options; `routes` has room for ADMIN_ROUTES_MAX. Returns how many. */
uint32_t admin_api_routes(struct admin_api *api, struct http_route routes[static ADMIN_ROUTES_MAX]);
