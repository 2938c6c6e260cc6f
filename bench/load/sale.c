#include "sale.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scenario.h"
#include "tools/common/sale_audit.h"

enum {
    PATH_SIZE = 128,
    URL_SIZE = 96,
    LOOK_MS = 100,
    LOOKS_MAX = 600, /* of one minute: load, open, sold everywhere */
    AUDITS_MAX = 30, /* the worker waits for rest itself, 10 s each */
    LIFE_S = 7 * 86400,
    PRICE = 100,
};

static struct client admin_of(const struct options *options)
{
    return (struct client){
        .url = options->admin, .token = options->admin_token, .program = "seckill-bench"};
}

static void pause_ms(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* --- making --- */

static json_t *time_text(time_t at)
{
    char text[32];
    struct tm parts;

    gmtime_r(&at, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

/* The stock in equal parts; the first sku has the rest. */
static json_t *skus_of(const struct options *options)
{
    json_t *skus = json_array();
    const uint32_t part = options->stock / options->sku_count;

    for (uint32_t i = 0; i < options->sku_count; i++) {
        const uint32_t rest = i == 0 ? options->stock % options->sku_count : 0;
        json_array_append_new(skus, json_pack("{s:s,s:i,s:I}", "sku", options->skus[i], "price",
                                              PRICE, "stock", (json_int_t)(part + rest)));
    }
    return skus;
}

/* Unless it is said otherwise no unit comes back while a measurement runs. */
static json_t *definition(const struct options *options)
{
    const char *name = options->scenario ? scenario_name(options->scenario) : "seckill-bench";
    json_t *root = json_pack("{s:s,s:s,s:I,s:I,s:o}", "name", name, "currency", "CNY",
                             "limit_per_buyer", (json_int_t)options->limit, "pay_window_s",
                             (json_int_t)options->pay_window_s, "skus", skus_of(options));

    json_object_set_new(root, "opens_at", time_text(time(NULL)));
    json_object_set_new(root, "closes_at", time_text(time(NULL) + LIFE_S));
    if (options->sale) {
        json_object_set_new(root, "sale", json_integer((json_int_t)options->sale));
    }
    return root;
}

static bool call_load(const struct client *admin, uint32_t sale)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "/v1/admin/sales/%u/load", sale);
    json_t *answer = client_call(admin, "POST", path, NULL);
    json_decref(answer);
    return answer != NULL;
}

static const char *text_in(const json_t *root, const char *object, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(root, object), name));
    return text ? text : "";
}

/* False: it failed, or takes too long; told. */
static bool wait_loaded(const struct client *admin, uint32_t sale)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "/v1/admin/sales/%u", sale);
    for (uint32_t look = 0; look < LOOKS_MAX; look++) {
        json_t *root = client_call(admin, "GET", path, NULL);
        const bool failed = strcmp(text_in(root, "load", "step"), "failed") == 0;
        const bool open = strcmp(text_in(root, "redis", "state"), "open") == 0;
        if (failed) {
            fprintf(stderr, "seckill-bench: the load of sale %u failed: %s\n", sale,
                    text_in(root, "load", "note"));
        }
        json_decref(root);
        if (!root || failed || open) {
            return root && open;
        }
        pause_ms(LOOK_MS);
    }
    fprintf(stderr, "seckill-bench: sale %u does not open\n", sale);
    return false;
}

/* An engine hears of a new sale within a second. */
static bool wait_sold_by(const struct target *target, uint32_t sale)
{
    char url[URL_SIZE], path[PATH_SIZE];
    const struct client engine = {.url = url, .token = ""};

    snprintf(url, sizeof url, "http://%s", target->host);
    snprintf(path, sizeof path, "/v1/sales/%u", sale);
    for (uint32_t look = 0; look < LOOKS_MAX; look++) {
        json_t *root = client_call(&engine, "GET", path, NULL);
        const char *state = json_string_value(json_object_get(root, "state"));
        const bool open = state && strcmp(state, "open") == 0;
        json_decref(root);
        if (open) {
            return true;
        }
        pause_ms(LOOK_MS);
    }
    fprintf(stderr, "seckill-bench: %s does not sell sale %u\n", target->host, sale);
    return false;
}

bool sale_make(struct options *options)
{
    const struct client admin = admin_of(options);
    json_t *body = definition(options);

    curl_global_init(CURL_GLOBAL_DEFAULT);
    json_t *answer = client_call(&admin, "POST", "/v1/admin/sales", body);
    options->sale = (uint32_t)json_integer_value(json_object_get(answer, "sale"));
    bool good = answer && call_load(&admin, options->sale) && wait_loaded(&admin, options->sale);
    for (uint32_t i = 0; good && i < options->target_count; i++) {
        good = wait_sold_by(&options->targets[i], options->sale);
    }
    json_decref(answer);
    json_decref(body);
    if (good) {
        fprintf(stderr, "seckill-bench: sale %u is open, %u units\n", options->sale,
                options->stock);
    }
    return good;
}

/* --- checking --- */

static void keep_text(const json_t *root, struct audit *audit)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);

    if (memory) {
        sale_audit_print(root, memory);
        fclose(memory);
        snprintf(audit->text, sizeof audit->text, "%s", text);
        fputs(text, stdout);
        free(text);
    }
}

void sale_check(const struct options *options, struct told_list *told, struct audit *ret_audit)
{
    const struct client admin = admin_of(options);
    json_t *root = NULL;
    bool rests = false;

    *ret_audit = (struct audit){.asked = true, .status = -1};
    for (uint32_t i = 0; i < AUDITS_MAX && !rests; i++) {
        json_decref(root);
        for (size_t t = 0; t < told->count; t++) {
            told->items[t].seen = false;
        }
        root = sale_audit(&admin, options->sale, told);
        rests = !root || json_is_true(json_object_get(root, "at_rest"));
    }
    if (root) {
        ret_audit->holds = json_is_true(json_object_get(root, "ok"));
        ret_audit->status = ret_audit->holds ? 0 : 1;
        keep_text(root, ret_audit);
    }
    json_decref(root);
}
