#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"

enum { PATH_SIZE = 256, LOAD_LOOKS_MAX = 3000, LOAD_LOOK_US = 200000 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void print_sale(const json_t *sale)
{
    const json_t *redis = json_object_get(sale, "redis");
    const json_t *load = json_object_get(sale, "load");
    const json_t *sku;
    size_t index;

    printf("sale %" JSON_INTEGER_FORMAT "  %s\n", number_of(sale, "sale"), text_of(sale, "name"));
    printf("  window   %s to %s\n", text_of(sale, "opens_at"), text_of(sale, "closes_at"));
    printf("  limit    %" JSON_INTEGER_FORMAT " a buyer, to be paid within %" JSON_INTEGER_FORMAT
           " s\n",
           number_of(sale, "limit_per_buyer"), number_of(sale, "pay_window_s"));
    printf("  control  %s, epoch %" JSON_INTEGER_FORMAT "\n", text_of(sale, "control"),
           number_of(sale, "epoch"));
    if (json_is_object(redis)) {
        const bool fits = !json_is_false(json_object_get(redis, "fence_fits"));
        printf("  redis    %s, epoch %" JSON_INTEGER_FORMAT ", version %" JSON_INTEGER_FORMAT
               "%s\n",
               text_of(redis, "state"), number_of(redis, "epoch"), number_of(redis, "version"),
               fits ? "" : "; its history is another one: the guard loads the sale again");
    } else {
        const bool unknown = strcmp(text_of(sale, "state"), "unknown") == 0;
        printf("  redis    %s\n", unknown ? "cannot be read" : "not loaded");
    }
    if (json_is_object(load)) {
        const char *note = text_of(load, "note");
        printf("  load     %s%s%s\n", text_of(load, "step"), blank_before(note), note);
    }
    printf("  %-32s %12s %10s %10s %10s\n", "sku", "price", "total", "sold", "left");
    json_array_foreach(json_object_get(sale, "skus"), index, sku)
    {
        printf("  %-32s %12" JSON_INTEGER_FORMAT " %10" JSON_INTEGER_FORMAT
               " %10" JSON_INTEGER_FORMAT " %10" JSON_INTEGER_FORMAT "\n",
               text_of(sku, "sku"), number_of(sku, "price"), number_of(sku, "total"),
               number_of(sku, "sold"), number_of(sku, "left"));
    }
}

static void print_sales(const json_t *root)
{
    const json_t *sale;
    size_t index;

    printf("%-8s %-8s %-6s %-25s %-25s %s\n", "sale", "control", "epoch", "opens", "closes",
           "name");
    json_array_foreach(json_object_get(root, "sales"), index, sale)
    {
        printf("%-8" JSON_INTEGER_FORMAT " %-8s %-6" JSON_INTEGER_FORMAT " %-25s %-25s %s\n",
               number_of(sale, "sale"), text_of(sale, "control"), number_of(sale, "epoch"),
               text_of(sale, "opens_at"), text_of(sale, "closes_at"), text_of(sale, "name"));
    }
}

static json_t *read_file(const char *path)
{
    json_error_t error;
    json_t *root = strcmp(path, "-") == 0 ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error)
                                          : json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        if (error.line > 0) {
            fprintf(stderr, "seckillctl: %s:%d: %s\n", strcmp(path, "-") == 0 ? "stdin" : path,
                    error.line, error.text);
        } else { /* its text names the path */
            fprintf(stderr, "seckillctl: %s\n", error.text);
        }
    }
    return root;
}

/* "now", "+90" (seconds from now) or RFC 3339 as it is. NULL: told on stderr. */
static json_t *time_argument(const char *name, const char *text)
{
    char formatted[32];
    struct tm parts;
    long long seconds = 0;

    if (strcmp(text, "now") != 0 && text[0] != '+') {
        return json_string(text);
    }
    if (text[0] == '+' && !whole_number(name, text + 1, 0, &seconds)) {
        return NULL;
    }
    const time_t at = time(NULL) + (time_t)seconds;
    if (!gmtime_r(&at, &parts)) {
        fprintf(stderr, "seckillctl: %s is too far away: %s\n", name, text);
        return NULL;
    }
    strftime(formatted, sizeof formatted, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(formatted);
}

/* SKU:PRICE:STOCK */
static bool add_sku(json_t *skus, const char *text)
{
    char name[64];
    long long price, stock;
    char rest;

    if (sscanf(text, "%63[^:]:%lld:%lld%c", name, &price, &stock, &rest) != 3) {
        fprintf(stderr, "seckillctl: --sku is SKU:PRICE:STOCK, not \"%s\"\n", text);
        return false;
    }
    json_array_append_new(skus, json_pack("{s:s,s:I,s:I}", "sku", name, "price", (json_int_t)price,
                                          "stock", (json_int_t)stock));
    return true;
}

static bool put_number(json_t *root, const char *member, const char *what, const char *text)
{
    long long number = 0;

    return whole_number(what, text, 1, &number)
           && json_object_set_new(root, member, json_integer(number)) == 0;
}

static bool put_time(json_t *root, const char *member, const char *what, const char *text)
{
    json_t *value = time_argument(what, text);

    return value && json_object_set_new(root, member, value) == 0;
}

static const char *option_or(const struct arguments *arguments, const char *name,
                             const char *otherwise)
{
    const char *value = option_value(arguments, name);

    return value ? value : otherwise;
}

/* NULL: told on stderr. */
static json_t *sale_from_options(const struct arguments *arguments)
{
    const char *number = option_value(arguments, "sale");
    json_t *skus = json_array();
    json_t *root = json_object();

    json_object_set_new(root, "name", json_string(option_or(arguments, "name", "sale")));
    json_object_set_new(root, "currency", json_string(option_or(arguments, "currency", "CNY")));
    json_object_set_new(root, "skus", skus);
    bool good =
        put_time(root, "opens_at", "--opens", option_or(arguments, "opens", "now"))
        && put_time(root, "closes_at", "--closes", option_or(arguments, "closes", "+3600"))
        && put_number(root, "limit_per_buyer", "--limit", option_or(arguments, "limit", "1"))
        && put_number(root, "pay_window_s", "--pay-window",
                      option_or(arguments, "pay-window", "900"))
        && (!number || put_number(root, "sale", "--sale", number));
    for (int i = 0; good && i + 1 < arguments->count; i++) {
        if (strcmp(arguments->values[i], "--sku") == 0) {
            good = add_sku(skus, arguments->values[i + 1]);
        }
    }
    if (good && json_array_size(skus) == 0) {
        fputs("seckillctl: --sku SKU:PRICE:STOCK is needed, or --file\n", stderr);
        good = false;
    }
    if (!good) {
        json_decref(root);
        return NULL;
    }
    return root;
}

int sale_create(const struct client *client, const struct arguments *arguments)
{
    const char *path = option_value(arguments, "file");

    if (!arguments_check(arguments, "file sale name currency opens closes limit pay-window sku",
                         0)) {
        return EXIT_USAGE;
    }
    if (path && arguments->count > 2) {
        fputs("seckillctl: --file has all of a sale: no other option goes with it\n", stderr);
        return EXIT_USAGE;
    }
    json_t *body = path ? read_file(path) : sale_from_options(arguments);
    if (!body) {
        return EXIT_USAGE;
    }
    json_t *sale = client_call(client, "POST", "/v1/admin/sales", body);
    json_decref(body);
    return show(client, sale, print_sale);
}

int sale_list(const struct client *client, const struct arguments *arguments)
{
    if (!arguments_check(arguments, "", 0)) {
        return EXIT_USAGE;
    }
    return show(client, client_call(client, "GET", "/v1/admin/sales", NULL), print_sales);
}

static json_t *call_number(const struct client *client, unsigned long sale, const char *method,
                           const char *tail)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "/v1/admin/sales/%lu%s", sale, tail);
    return client_call(client, method, path, NULL);
}

static json_t *call_sale(const struct client *client, const struct arguments *arguments,
                         const char *method, const char *verb)
{
    unsigned long sale;

    return sale_number(positional(arguments, 0), &sale) ? call_number(client, sale, method, verb)
                                                        : NULL;
}

static int verb(const struct client *client, const struct arguments *arguments, const char *method,
                const char *path)
{
    unsigned long sale;

    if (!arguments_check(arguments, "", 1) || !sale_number(positional(arguments, 0), &sale)) {
        return EXIT_USAGE;
    }
    return show(client, call_sale(client, arguments, method, path), print_sale);
}

int sale_pause(const struct client *client, const struct arguments *arguments)
{
    return verb(client, arguments, "POST", "/pause");
}

int sale_resume(const struct client *client, const struct arguments *arguments)
{
    return verb(client, arguments, "POST", "/resume");
}

int sale_end(const struct client *client, const struct arguments *arguments)
{
    return verb(client, arguments, "POST", "/end");
}

int sale_unfreeze(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];
    unsigned long sale;
    const char *reason = option_value(arguments, "reason");
    const bool force = option_given(arguments, "force");

    if (!arguments_check(arguments, "reason force! paused!", 1)
        || !sale_number(positional(arguments, 0), &sale)) {
        return EXIT_USAGE;
    }
    if (force && !reason) {
        fputs("seckillctl: --force needs --reason TEXT: it is written into admin_log\n", stderr);
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "/v1/admin/sales/%lu/unfreeze", sale);
    json_t *body =
        json_pack("{s:b,s:b}", "force", force, "paused", option_given(arguments, "paused"));
    if (body && reason) {
        json_object_set_new(body, "reason", json_string(reason));
    }
    json_t *answer = body ? client_call(client, "POST", path, body) : NULL;
    json_decref(body);
    return show(client, answer, print_sale);
}

/* Waits until the load is done; prints each step to stderr. NULL: a call failed. */
static json_t *follow_load(const struct client *client, unsigned long sale_id, bool *ret_failed)
{
    char last[64] = "";

    for (int look = 0; look < LOAD_LOOKS_MAX; look++) {
        json_t *sale = call_number(client, sale_id, "GET", "");
        const json_t *load = json_object_get(sale, "load");
        const char *step = text_of(load, "step");
        if (!sale) {
            return NULL;
        }
        if (strcmp(step, last) != 0) {
            const char *note = text_of(load, "note");
            fprintf(stderr, "sale %lu load: %s%s%s\n", sale_id, step, blank_before(note), note);
            snprintf(last, sizeof last, "%s", step);
        }
        *ret_failed = strcmp(step, "failed") == 0;
        if (*ret_failed || strcmp(step, "done") == 0) {
            return sale;
        }
        json_decref(sale);
        usleep(LOAD_LOOK_US);
    }
    fputs("seckillctl: the load is still running; look again with `sale show`\n", stderr);
    return NULL;
}

static int worse(int one, int other)
{
    return one > other ? one : other;
}

/* All are asked for before the first is waited for: they are loaded beside each other. */
static int load_all(const struct client *client, const struct arguments *arguments,
                    unsigned long *sales, int count, const char *tail)
{
    const bool does_wait = !option_given(arguments, "no-wait");
    int status = EXIT_DONE;

    for (int i = 0; i < count; i++) {
        json_t *sale = call_number(client, sales[i], "POST", tail);
        if (sale && does_wait) {
            json_decref(sale);
        } else {
            status = worse(status, show(client, sale, print_sale));
            sales[i] = 0; /* nothing to wait for */
        }
    }
    for (int i = 0; i < count; i++) {
        bool failed = false;
        if (sales[i] != 0) {
            json_t *sale = follow_load(client, sales[i], &failed);
            status = worse(status, show(client, sale, print_sale));
            status = worse(status, failed ? EXIT_VIOLATED : EXIT_DONE);
        }
    }
    return status;
}

static int load(const struct client *client, const struct arguments *arguments, const char *tail)
{
    int count = 0;

    while (positional(arguments, count)) {
        count++;
    }
    if (!arguments_check(arguments, "no-wait!", count > 0 ? count : 1)) {
        return EXIT_USAGE;
    }
    unsigned long *sales = calloc((size_t)count, sizeof *sales);
    bool good = sales != NULL;
    for (int i = 0; i < count && good; i++) {
        good = sale_number(positional(arguments, i), &sales[i]);
    }
    const int status = good ? load_all(client, arguments, sales, count, tail) : EXIT_USAGE;
    free(sales);
    return status;
}

int sale_load(const struct client *client, const struct arguments *arguments)
{
    return load(client, arguments, "/load");
}

int sale_recover(const struct client *client, const struct arguments *arguments)
{
    return load(client, arguments, "/recover");
}

static void print_addition(const json_t *root)
{
    printf("%s: total %" JSON_INTEGER_FORMAT "%s\n", text_of(root, "sku"), number_of(root, "total"),
           json_is_true(json_object_get(root, "repeated")) ? " (this ref had been added before)"
                                                           : "");
}

int sale_add_stock(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];
    unsigned long sale;
    long long units;
    const char *ref = option_value(arguments, "ref");

    if (!arguments_check(arguments, "ref", 3) || !sale_number(positional(arguments, 0), &sale)
        || !whole_number("UNITS", positional(arguments, 2), 1, &units)) {
        return EXIT_USAGE;
    }
    if (!ref) {
        fputs("seckillctl: --ref is needed: the same ref is added once, however often it is sent\n",
              stderr);
        return EXIT_USAGE;
    }
    char *sku = client_escape(positional(arguments, 1));
    snprintf(path, sizeof path, "/v1/admin/sales/%lu/skus/%s/stock", sale, sku);
    free(sku);
    json_t *body = json_pack("{s:I,s:s}", "add", (json_int_t)units, "ref", ref);
    json_t *answer = body ? client_call(client, "POST", path, body) : NULL;
    json_decref(body);
    return show(client, answer, print_addition);
}
