#include <stdio.h>
#include <string.h>

#include "admin/admin_body.h"
#include "admin/admin_job.h"
#include "admin/admin_page.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/log.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_change.h"
#include "ledger/sale_store.h"
#include "settlement/guard.h"
#include "settlement/guard_loads.h"

/* `state`: what a buyer meets; `redis`: where it comes from. */
static void write_redis(struct json_out *out, struct admin_thread *thread, struct sale_id sale)
{
    struct sale_left left[SALE_SKUS_MAX];
    struct sale_meta meta;
    uint32_t count = 0;
    enum err err = sale_reader_meta(thread->redis, sale, &meta);

    err = err == ERR_OK ? sale_reader_units(thread->redis, sale, false, left, &count) : err;
    if (err != ERR_OK) {
        json_out_member_text(out, "state", err == ERR_NOT_FOUND ? "not-loaded" : "unknown");
        json_out_member_null(out, "redis");
        return;
    }
    json_out_member_text(out, "state",
                         meta.fence_fits ? sale_state_name(meta.head.state) : "rebuilding");
    json_out_name(out, "redis");
    json_out_begin_object(out);
    json_out_member_text(out, "state", sale_state_name(meta.head.state));
    json_out_member_u64(out, "epoch", meta.head.epoch);
    json_out_member_u64(out, "version", meta.head.version);
    json_out_member_u64(out, "seq", meta.head.seq);
    json_out_member_bool(out, "fence_fits", meta.fence_fits);
    json_out_name(out, "left");
    json_out_begin_object(out);
    for (uint32_t i = 0; i < count; i++) {
        json_out_member_u64(out, left[i].sku.text, left[i].left);
    }
    json_out_end_object(out);
    json_out_end_object(out);
}

static void write_load(struct json_out *out, struct admin_thread *thread, struct sale_id sale)
{
    struct guard_row row;

    if (guard_store_read(thread->mysql, sale, &row) != ERR_OK) {
        json_out_member_null(out, "load");
        return;
    }
    json_out_name(out, "load");
    json_out_begin_object(out);
    json_out_member_text(out, "step", guard_step_name(row.step));
    json_out_member_u64(out, "done", row.done);
    json_out_member_u64(out, "expected", row.expected);
    json_out_member_text(out, "note", row.note);
    json_out_member_u64(out, "epoch", row.epoch);
    json_out_member_text(out, "owner", row.owner);
    json_out_member_time(out, "started_at", row.started_ms);
    if (row.finished_ms > 0) {
        json_out_member_time(out, "finished_at", row.finished_ms);
    }
    json_out_end_object(out);
}

static void write_row(struct json_out *out, const struct sale_row *row)
{
    const struct sale_definition *definition = &row->definition;

    json_out_member_u64(out, "sale", definition->sale.value);
    json_out_member_text(out, "name", definition->name);
    json_out_member_text(out, "currency", definition->currency);
    json_out_member_time(out, "opens_at", definition->opens_ms);
    json_out_member_time(out, "closes_at", definition->closes_ms);
    json_out_member_u64(out, "limit_per_buyer", definition->limit);
    json_out_member_bool(out, "listed", definition->listed);
    json_out_member_u64(out, "pay_window_s", definition->pay_window_ms / 1000);
    json_out_member_text(out, "control", sale_control_name(row->control));
    json_out_member_u64(out, "epoch", definition->epoch);
    json_out_member_time(out, "created_at", row->created_ms);
    json_out_name(out, "skus");
    json_out_begin_array(out);
    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sale_sku *sku = &definition->skus[i];
        json_out_begin_object(out);
        json_out_member_text(out, "sku", sku->sku.text);
        json_out_member_u64(out, "price", sku->price);
        json_out_member_u64(out, "total", sku->total);
        json_out_member_u64(out, "sold", row->sold[i]);
        json_out_member_u64(out, "left", sku->total - row->sold[i]);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

void admin_answer_sale(struct admin_job *job, struct admin_thread *thread, int status)
{
    struct sale_row row;
    struct json_out out;

    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? sale_store_read(thread->mysql, job->sale, &row) : err;
    if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SALE, "There is no sale %u.",
                             job->sale.value);
    } else if (err != ERR_OK) {
        admin_answer_mysql(job, thread, err);
    } else {
        admin_answer_json(job, status, &out);
        json_out_begin_object(&out);
        write_row(&out, &row);
        write_redis(&out, thread, job->sale);
        write_load(&out, thread, job->sale);
        json_out_end_object(&out);
    }
}

void admin_sale_show(struct admin_job *job, struct admin_thread *thread)
{
    admin_answer_sale(job, thread, 200);
}

/* --- create --- */

static void take_time(struct json_take *object, const char *name, int64_t *ret_ms)
{
    const char *text = NULL;
    size_t size = 0;

    if (json_take_text(object, name, JSON_REQUIRED, 1, 40, &text, &size)
        && clock_parse_rfc3339(text, size, ret_ms) != ERR_OK) {
        json_take_fault(object, name, "must be a time as in RFC 3339");
    }
}

static void read_sku(struct json_take *parent, struct json_in item, struct sale_sku *sku)
{
    struct json_take object;
    struct json_error error;
    const char *text = NULL;
    size_t size = 0;

    json_take_begin(&object, item);
    if (json_take_text(&object, "sku", JSON_REQUIRED, 1, SKU_SIZE_MAX, &text, &size)
        && sku_parse(text, size, &sku->sku) != ERR_OK) {
        json_take_fault(&object, "sku", "must be 1 to 32 of A-Z a-z 0-9 . _ -");
    }
    (void)json_take_u64(&object, "price", JSON_REQUIRED, 0, INT64_MAX, &sku->price);
    (void)json_take_u32(&object, "stock", JSON_REQUIRED, 0, INT32_MAX, &sku->total);
    if (json_take_end(&object, &error) != ERR_OK) {
        json_take_fault(parent, "skus", error.text);
    }
}

static void take_definition(struct json_take *object, void *arg)
{
    struct sale_definition *definition = arg;
    const char *text = NULL;
    size_t size = 0;
    uint32_t window_s = 900;
    struct json_in skus = {0};

    (void)json_take_u32(object, "sale", JSON_OPTIONAL, 1, SALE_ID_MAX, &definition->sale.value);
    admin_body_text(object, "name", JSON_REQUIRED, definition->name, sizeof definition->name);
    if (json_take_text(object, "currency", JSON_REQUIRED, 1, 16, &text, &size)) {
        if (currency_check(text, size) == ERR_OK) {
            memcpy(definition->currency, text, size + 1);
        } else {
            json_take_fault(object, "currency", "must be three capitals, as CNY");
        }
    }
    take_time(object, "opens_at", &definition->opens_ms);
    take_time(object, "closes_at", &definition->closes_ms);
    (void)json_take_u32(object, "limit_per_buyer", JSON_REQUIRED, 1, QUANTITY_MAX,
                        &definition->limit);
    (void)json_take_u32(object, "pay_window_s", JSON_OPTIONAL, 1, 30 * 86400, &window_s);
    definition->pay_window_ms = window_s * 1000;
    if (json_take_array(object, "skus", JSON_REQUIRED, 1, SALE_SKUS_MAX, &skus,
                        &definition->sku_count)) {
        for (uint32_t i = 0; i < definition->sku_count; i++) {
            read_sku(object, json_item(skus, i), &definition->skus[i]);
        }
    }
}

/* False: answered. */
static bool parse_definition(struct admin_job *job, struct sale_definition *definition)
{
    const char *why = NULL;
    bool good = admin_body_read(job, 4, take_definition, definition);

    /* A number that MySQL is still to give must not fail the check of everything else. */
    struct sale_definition checked = *definition;
    checked.sale.value = checked.sale.value ? checked.sale.value : 1;
    if (good && sale_check(&checked, &why) != ERR_OK) {
        admin_answer_problem(job, HTTP_PROBLEM_BAD_BODY, "%s", why);
        good = false;
    } else if (good && definition->closes_ms <= clock_wall_ms()) {
        admin_answer_problem(job, HTTP_PROBLEM_BAD_BODY,
                             "closes_at is in the past: the sale would never sell");
        good = false;
    }
    return good;
}

void admin_sale_create(struct admin_job *job, struct admin_thread *thread)
{
    const struct conf *conf = admin_job_conf(job);
    struct sale_definition definition = {0};
    const struct admin_actor actor = admin_job_actor(job);

    definition.times = (struct sale_times){conf->sale_deadline_ms, conf->sale_lease_ms,
                                           conf->sale_hold_ms, conf->sale_guard_ms};
    if (!parse_definition(job, &definition)) {
        return;
    }
    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? sale_store_create(thread->mysql, &definition, &actor, &job->sale) : err;
    if (err == ERR_CONFLICT) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT, "There is a sale %u already.",
                             definition.sale.value);
    } else if (err == ERR_RANGE) {
        admin_answer_problem(job, HTTP_PROBLEM_BAD_BODY,
                             "A value of the sale is out of its bounds.");
    } else if (err != ERR_OK) {
        admin_answer_mysql(job, thread, err);
    } else {
        LOG_INFO("sale_created", KV_U64("sale", job->sale.value));
        admin_answer_sale(job, thread, 201);
    }
}

/* --- list --- */

static enum err on_sale(void *arg, const struct sale_row *row)
{
    struct admin_page *page = arg;

    json_out_begin_object(&page->out);
    write_row(&page->out, row);
    json_out_end_object(&page->out);
    admin_page_add(page, row->definition.sale.value);
    return ERR_OK;
}

static enum err read_sales(struct mysql_link *mysql, const void *filter, struct admin_page *page)
{
    return sale_store_list(mysql, filter, on_sale, page);
}

void admin_sale_list(struct admin_job *job, struct admin_thread *thread)
{
    const struct sale_filter filter = {.after = {(uint32_t)job->query.after},
                                       .limit = job->query.limit};
    const struct admin_list list = {.name = "sales", .read = read_sales, .filter = &filter};

    if (job->query.after > SALE_ID_MAX) {
        admin_answer_problem(job, HTTP_PROBLEM_BAD_QUERY, "after is a sale's number.");
        return;
    }
    admin_page_answer(job, thread, &list);
}

/* --- control --- */

static void control(struct admin_job *job, struct admin_thread *thread, enum sale_verb verb)
{
    const struct admin_actor actor = admin_job_actor(job);
    bool changed = false;

    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? sale_store_control(thread->mysql, job->sale, verb, &actor, NULL, &changed)
                        : err;
    if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SALE, "There is no sale %u.",
                             job->sale.value);
    } else if (err == ERR_CONFLICT) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT,
                             "The sale cannot %s in its present state.", sale_verb_name(verb));
    } else if (err != ERR_OK) {
        admin_answer_mysql(job, thread, err);
    } else {
        LOG_INFO("sale_controlled", KV_U64("sale", job->sale.value),
                 KV_STR("verb", sale_verb_name(verb)), KV_BOOL("changed", changed));
        admin_answer_sale(job, thread, 200);
    }
}

void admin_sale_pause(struct admin_job *job, struct admin_thread *thread)
{
    control(job, thread, SALE_VERB_PAUSE);
}

void admin_sale_resume(struct admin_job *job, struct admin_thread *thread)
{
    control(job, thread, SALE_VERB_RESUME);
}

void admin_sale_end(struct admin_job *job, struct admin_thread *thread)
{
    control(job, thread, SALE_VERB_END);
}

/* --- stock --- */

struct addition {
    uint32_t units;
    char ref[ADMIN_REF_SIZE];
};

static void take_addition(struct json_take *object, void *arg)
{
    struct addition *addition = arg;

    (void)json_take_u32(object, "add", JSON_REQUIRED, 1, INT32_MAX, &addition->units);
    admin_body_text(object, "ref", JSON_REQUIRED, addition->ref, sizeof addition->ref);
}

static void answer_addition(struct admin_job *job, const struct stock_addition *addition,
                            const struct stock_added *added)
{
    struct json_out out;

    admin_answer_json(job, 200, &out);
    json_out_begin_object(&out);
    json_out_member_u64(&out, "sale", job->sale.value);
    json_out_member_text(&out, "sku", job->sku.text);
    json_out_member_u64(&out, "added", addition->units);
    json_out_member_u64(&out, "total", added->total);
    json_out_member_text(&out, "ref", addition->ref);
    json_out_member_bool(&out, "repeated", added->repeated);
    json_out_end_object(&out);
}

void admin_stock_add(struct admin_job *job, struct admin_thread *thread)
{
    struct addition asked = {.ref = ""};
    struct stock_added added = {0};
    const struct admin_actor actor = admin_job_actor(job);

    if (!admin_body_read(job, 1, take_addition, &asked)) {
        return;
    }
    const struct stock_addition addition = {
        .sale = job->sale, .sku = job->sku, .units = asked.units, .ref = asked.ref};
    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? sale_store_add_stock(thread->mysql, &addition, &actor, &added) : err;
    if (err == ERR_OK) {
        LOG_INFO("stock_added", KV_U64("sale", job->sale.value), KV_STR("sku", job->sku.text),
                 KV_U64("units", addition.units), KV_BOOL("repeated", added.repeated));
        answer_addition(job, &addition, &added);
    } else if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SKU, "There is no sale %u with sku %s.",
                             job->sale.value, job->sku.text);
    } else if (err == ERR_CONFLICT) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT, "The ref was used for another addition.");
    } else if (err == ERR_CLOSED) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT, "The sale has ended.");
    } else if (err == ERR_RANGE) {
        admin_answer_problem(job, HTTP_PROBLEM_BAD_BODY, "add or ref is out of its bounds.");
    } else {
        admin_answer_mysql(job, thread, err);
    }
}

/* --- load --- */

static struct guard_context context_of(struct admin_job *job, struct admin_thread *thread)
{
    return (struct guard_context){
        .mysql = thread->mysql,
        .redis = thread->redis,
        .waiter = admin_job_waiter(job),
        .conf = admin_job_conf(job),
        .owner = admin_job_owner(job),
    };
}

/* The load goes on after the answer. */
static void answer_claimed(struct admin_job *job, struct admin_thread *thread,
                           const struct guard_request *request)
{
    const struct guard_context context = context_of(job, thread);

    if (guard_loads_submit(admin_job_loads(job), request) == ERR_OK) {
        admin_answer_sale(job, thread, 202);
        return;
    }
    const enum err err = guard_end_claim(&context, request, GUARD_STEP_FAILED,
                                         "too many loads are in work; load again when they are "
                                         "done");
    LOG_WARN("load_not_started", KV_U64("sale", job->sale.value), KV_STR("noted", err_name(err)),
             KV_STR("next", "too many loads are in work; load again when they are done"));
    admin_answer_refusal(job, ADMIN_REFUSAL_BUSY, "%d loads are in work.", GUARD_LOADS_MAX);
}

static void load(struct admin_job *job, struct admin_thread *thread, bool is_recover)
{
    const struct guard_context context = context_of(job, thread);
    const struct admin_actor actor = admin_job_actor(job);
    struct guard_request request;
    const enum err err =
        guard_claim_sale(&context, job->sale, &actor, is_recover, "asked for", NULL, &request);

    if (err == ERR_OK) {
        answer_claimed(job, thread, &request);
    } else if (err == ERR_BUSY) {
        admin_answer_refusal(job, ADMIN_REFUSAL_LOAD_RUNNING, "Sale %u is being loaded already.",
                             job->sale.value);
    } else if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SALE, "There is no sale %u.",
                             job->sale.value);
    } else if (err == ERR_CONFLICT) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT,
                             "Sale %u was never loaded: there is nothing to recover; load it.",
                             job->sale.value);
    } else {
        admin_answer_mysql(job, thread, err);
    }
}

/* A load begins with a stop of some seconds. It sells, or will within `hold`: by its state and the
 * time of Redis, which decides. Redis that is away, or garbage: it does not sell. */
static bool is_selling(struct admin_thread *thread, struct sale_id sale)
{
    struct sale_meta meta;
    struct sale_look look;

    if (sale_reader_meta(thread->redis, sale, &meta) != ERR_OK
        || sale_reader_look(thread->redis, sale, meta.head.epoch, &look) != ERR_OK
        || look.answer != SALE_ANSWER_OK) {
        return false;
    }
    return (look.head.state == SALE_STATE_OPEN || look.head.state == SALE_STATE_LOADED
            || look.head.state == SALE_STATE_RESUMING)
           && meta.opens_ms <= look.head.redis_time_ms && look.head.redis_time_ms < meta.closes_ms;
}

/* A load in work passes through "loaded". */
static bool is_being_loaded(struct admin_thread *thread, struct sale_id sale)
{
    struct guard_row row;

    return mysql_link_ensure(thread->mysql) == ERR_OK
           && guard_store_read(thread->mysql, sale, &row) == ERR_OK && row.finished_ms == 0;
}

void admin_sale_load(struct admin_job *job, struct admin_thread *thread)
{
    if (is_selling(thread, job->sale)) {
        if (is_being_loaded(thread, job->sale)) {
            admin_answer_refusal(job, ADMIN_REFUSAL_LOAD_RUNNING,
                                 "Sale %u is being loaded already.", job->sale.value);
            return;
        }
        admin_answer_refusal(
            job, ADMIN_REFUSAL_CONFLICT,
            "Sale %u is selling, or about to: a load would stop it for some seconds. If you "
            "want that, recover it.",
            job->sale.value);
        return;
    }
    load(job, thread, false);
}

void admin_sale_recover(struct admin_job *job, struct admin_thread *thread)
{
    load(job, thread, true);
}
