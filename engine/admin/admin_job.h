/* admin_job: one admin request on its way through a pool thread.
 * Why:    input is copied on the loop, the answer is built on the thread, and sent on the loop.
 * Never:  touches its exchange on a pool thread.
 * Thread: as each function says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/json_out.h"
#include "common/buf.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "http/http_problem.h"
#include "http/http_request.h"
#include "ledger/admin_log.h"
#include "ledger/payment_store.h"

struct admin_api;
struct conf;
struct guard_loads;
struct http_exchange;
struct mysql_link;
struct redis_blocking;
struct waiter;

enum {
    ADMIN_BODY_MAX = 16384,
    ADMIN_DETAIL_SIZE = 320,
    ADMIN_REPLY_MAX = 8 << 20,
    ADMIN_REF_SIZE = 65
};

/* Answers that are neither a success nor in http/problem.def. */
enum admin_refusal {
    ADMIN_REFUSAL_UNKNOWN_SALE,
    ADMIN_REFUSAL_UNKNOWN_SKU,
    ADMIN_REFUSAL_UNKNOWN_ORDER,
    ADMIN_REFUSAL_UNKNOWN_DEAD_LETTER,
    ADMIN_REFUSAL_CONFLICT,
    ADMIN_REFUSAL_LOAD_RUNNING,
    ADMIN_REFUSAL_STAYS_DEAD,
    ADMIN_REFUSAL_UNAVAILABLE,
    ADMIN_REFUSAL_BUSY,
    ADMIN_REFUSAL_COUNT
};

/* What a pool thread has of its own. */
struct admin_thread {
    struct mysql_link *mysql;     /* owned */
    struct redis_blocking *redis; /* owned */
};

struct admin_job;
typedef void admin_run_fn(struct admin_job *job, struct admin_thread *thread);

struct admin_job {
    struct admin_api *api;          /* borrowed */
    struct http_exchange *exchange; /* loop only */
    admin_run_fn *run;
    /* input, copied on the loop */
    struct sale_id sale;
    struct sku sku;
    struct order_no order_no;
    uint64_t letter_id;
    struct {
        bool has_sale, has_buyer, has_state, open_only;
        struct sale_id sale;
        struct buyer buyer;
        enum order_state state;           /* of orders */
        enum payment_state payment_state; /* of payments */
        uint64_t after;
        uint32_t limit;
    } query;
    char request_id[65];
    size_t body_size;
    char body[ADMIN_BODY_MAX + 1];
    /* the answer, built on the thread */
    enum {
        ADMIN_ANSWER_NONE,
        ADMIN_ANSWER_JSON,
        ADMIN_ANSWER_PROBLEM,
        ADMIN_ANSWER_REFUSAL
    } answer;
    int status;
    struct buf reply;
    enum http_problem problem;
    enum admin_refusal refusal;
    char detail[ADMIN_DETAIL_SIZE];
    /* an audit's result, counted on the loop */
    bool is_audit;
    uint32_t violations;
    uint32_t violated; /* bits: labels of METRIC_invariant_violations_total */
};

/* --- thread: the pool's --- */
/* Begins the JSON answer; the caller writes onto `*ret_out`. */
void admin_answer_json(struct admin_job *job, int status, struct json_out *ret_out);
__attribute__((format(printf, 3, 4))) void admin_answer_problem(struct admin_job *job,
                                                                enum http_problem problem,
                                                                const char *format, ...);
__attribute__((format(printf, 3, 4))) void admin_answer_refusal(struct admin_job *job,
                                                                enum admin_refusal refusal,
                                                                const char *format, ...);
/* MySQL's errors that no caller treats by itself: 503 with its text. */
void admin_answer_mysql(struct admin_job *job, const struct admin_thread *thread, enum err err);
/* The sale as it is now, with what Redis says and how its load goes; 404, 503. */
void admin_answer_sale(struct admin_job *job, struct admin_thread *thread, int status);
struct admin_actor admin_job_actor(const struct admin_job *job);
const struct conf *admin_job_conf(const struct admin_job *job);
struct waiter *admin_job_waiter(const struct admin_job *job);
const char *admin_job_owner(const struct admin_job *job);
struct guard_loads *admin_job_loads(const struct admin_job *job);

/* The verbs: thread: the pool's. */
admin_run_fn admin_sale_create, admin_sale_list, admin_sale_show, admin_sale_flow, admin_sale_load,
    admin_sale_recover, admin_sale_pause, admin_sale_resume, admin_sale_end, admin_stock_add,
    admin_order_list, admin_order_show, admin_order_redrive, admin_order_void, admin_order_refund,
    admin_dead_list, admin_dead_redrive, admin_dead_close, admin_payment_list, admin_audit_show,
    admin_sale_unfreeze;
