/* The audit is made by the worker; what buyers were told is compared here, from the rows that
 * the API gives. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum { PATH_SIZE = 256, LINE_SIZE = 512, PAGE = 1000, SHOWN_MAX = 10 };

/* What the load generator wrote: one line per answer, "outcome buyer order_no" (order_no "-" if
 * none). */
struct told {
    char buyer[65];
    uint64_t order_no; /* 0: outcome-unknown */
    bool seen;
};
struct told_list {
    struct told *items; /* owned */
    size_t count, capacity;
};
struct told_result {
    size_t wins, unknowns, rows;
    size_t wins_without_row, rows_untold;
};

static int compare_told(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    const int by_buyer = strcmp(x->buyer, y->buyer);

    if (by_buyer != 0) {
        return by_buyer;
    }
    return (x->order_no > y->order_no) - (x->order_no < y->order_no);
}

static bool is_one_of(const char *text, const char *const words[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* False: no memory, or a win without its order. */
static bool told_add(struct told_list *list, const char *outcome, const char *buyer,
                     const char *order_no)
{
    static const char *const wins[] = {"accepted", "replayed"};
    static const char *const unknowns[] = {"outcome-unknown", "lost",       "timeout",
                                           "malformed",       "unexpected", "internal"};
    const bool won = is_one_of(outcome, wins, sizeof wins / sizeof wins[0]);
    const uint64_t number = won ? strtoull(order_no, NULL, 10) : 0;

    if (!won && !is_one_of(outcome, unknowns, sizeof unknowns / sizeof unknowns[0])) {
        return true;
    }
    if (won && number == 0) {
        return false;
    }
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : 1024;
        struct told *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown) {
            return false;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    struct told *told = &list->items[list->count++];
    memset(told, 0, sizeof *told);
    snprintf(told->buyer, sizeof told->buyer, "%s", buyer);
    told->order_no = number;
    return true;
}

static bool told_read(const char *path, struct told_list *list)
{
    char line[LINE_SIZE];
    char outcome[64], buyer[65], order_no[32];
    FILE *file = fopen(path, "r");
    bool good = file != NULL;

    for (size_t number = 1; good && fgets(line, sizeof line, file); number++) {
        good = sscanf(line, "%63s %64s %31s", outcome, buyer, order_no) == 3
               && told_add(list, outcome, buyer, order_no);
        if (!good) {
            fprintf(stderr, "seckillctl: %s:%zu: not \"outcome buyer order_no\"\n", path, number);
        }
    }
    if (!file) {
        fprintf(stderr, "seckillctl: %s: %s\n", path, strerror(errno));
    } else {
        if (ferror(file)) {
            fprintf(stderr, "seckillctl: %s: %s\n", path, strerror(errno));
            good = false;
        }
        fclose(file);
    }
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare_told);
    }
    return good;
}

static struct told *told_find(const struct told_list *list, const char *buyer, uint64_t order_no)
{
    struct told wanted = {.order_no = order_no};

    snprintf(wanted.buyer, sizeof wanted.buyer, "%s", buyer);
    return list->count ? bsearch(&wanted, list->items, list->count, sizeof wanted, compare_told)
                       : NULL;
}

/* A row is told by its 201s (several, when it was replayed), or by an unknown of its buyer. */
static void check_row(struct told_list *list, const json_t *order, struct told_result *result)
{
    const char *buyer = json_string_value(json_object_get(order, "buyer"));
    const char *text = json_string_value(json_object_get(order, "order_no"));
    const char *reason = json_string_value(json_object_get(order, "reason"));
    const uint64_t order_no = text ? strtoull(text, NULL, 10) : 0;
    struct told *told = buyer ? told_find(list, buyer, order_no) : NULL;

    if (reason && strcmp(reason, "epoch") == 0) {
        return; /* voided: its history was cut before anybody was told */
    }
    result->rows++;
    if (told) {
        for (struct told *at = told; at >= list->items && compare_told(at, told) == 0; at--) {
            at->seen = true;
        }
        for (struct told *at = told; at < list->items + list->count && compare_told(at, told) == 0;
             at++) {
            at->seen = true;
        }
    } else if (!buyer || !told_find(list, buyer, 0)) {
        if (result->rows_untold++ < SHOWN_MAX) {
            fprintf(stderr, "  row %s was told to nobody\n", text ? text : "?");
        }
    }
}

static bool check_rows(const struct client *client, unsigned long sale, struct told_list *list,
                       struct told_result *result)
{
    char path[PATH_SIZE];
    char after[32] = "0";
    const json_t *order;
    size_t index;

    for (;;) {
        snprintf(path, sizeof path, "/v1/admin/orders?sale=%lu&limit=%d&after=%s", sale, PAGE,
                 after);
        json_t *page = client_call(client, "GET", path, NULL);
        const char *next = json_string_value(json_object_get(page, "next"));
        if (!page) {
            return false;
        }
        json_array_foreach(json_object_get(page, "orders"), index, order)
        {
            check_row(list, order, result);
        }
        snprintf(after, sizeof after, "%s", next ? next : "");
        json_decref(page);
        if (after[0] == '\0') {
            return true;
        }
    }
}

static void check_told(const struct told_list *list, struct told_result *result)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct told *told = &list->items[i];
        if (told->order_no == 0) {
            result->unknowns++;
            continue;
        }
        result->wins++;
        if (!told->seen && result->wins_without_row++ < SHOWN_MAX) {
            fprintf(stderr, "  order %" PRIu64 " was told but has no row\n", told->order_no);
        }
    }
}

static void print_checks(const json_t *root)
{
    const json_t *check;
    size_t index;

    json_array_foreach(json_object_get(root, "checks"), index, check)
    {
        const char *found = json_string_value(json_object_get(check, "found"));
        printf("  %-4s %-9s %s%s%s\n", json_string_value(json_object_get(check, "id")),
               json_is_true(json_object_get(check, "ok")) ? "holds" : "VIOLATED",
               json_string_value(json_object_get(check, "name")), found ? ": " : "",
               found ? found : "");
    }
}

/* EXIT_DONE: compared, `ret_told` has what came of it. */
static int audit_told(const struct client *client, unsigned long sale, struct told_list *list,
                      json_t **ret_told)
{
    struct told_result result = {0};

    if (!check_rows(client, sale, list, &result)) {
        return EXIT_FAILED_CALL;
    }
    check_told(list, &result);
    *ret_told = json_pack(
        "{s:b,s:I,s:I,s:I,s:I,s:I}", "ok", result.wins_without_row == 0 && result.rows_untold == 0,
        "wins", (json_int_t)result.wins, "unknowns", (json_int_t)result.unknowns, "rows",
        (json_int_t)result.rows, "wins_without_row", (json_int_t)result.wins_without_row,
        "rows_untold", (json_int_t)result.rows_untold);
    return *ret_told ? EXIT_DONE : EXIT_FAILED_CALL;
}

static void print_told(const json_t *told)
{
    static const char *const names[] = {"wins", "unknowns", "rows", "wins_without_row",
                                        "rows_untold"};
    json_int_t counts[5];

    for (size_t i = 0; i < 5; i++) {
        counts[i] = json_integer_value(json_object_get(told, names[i]));
    }
    printf("  told %-9s what buyers were told: %" JSON_INTEGER_FORMAT
           " answers 201, %" JSON_INTEGER_FORMAT " unknown, %" JSON_INTEGER_FORMAT
           " rows; %" JSON_INTEGER_FORMAT " told without row, %" JSON_INTEGER_FORMAT
           " rows untold\n",
           json_is_true(json_object_get(told, "ok")) ? "holds" : "VIOLATED", counts[0], counts[1],
           counts[2], counts[3], counts[4]);
}

static void print_audit(const json_t *root)
{
    const json_t *told = json_object_get(root, "told");

    print_checks(root);
    if (told) {
        print_told(told);
    }
    if (!json_is_true(json_object_get(root, "at_rest"))) {
        puts("  the sale did not come to rest: records, outbox or SQL outbox still move");
    }
    printf("audit of sale %" JSON_INTEGER_FORMAT ": %s\n",
           json_integer_value(json_object_get(root, "sale")),
           json_is_true(json_object_get(root, "ok")) ? "holds" : "VIOLATED");
}

/* `list` NULL: there is nothing to compare with. */
static int audit(const struct client *client, unsigned long sale, struct told_list *list)
{
    char path[PATH_SIZE];
    json_t *told = NULL;
    int status = EXIT_DONE;

    snprintf(path, sizeof path, "/v1/admin/sales/%lu/audit", sale);
    json_t *root = client_call(client, "GET", path, NULL);
    if (root && list) {
        status = audit_told(client, sale, list, &told);
        if (status != EXIT_DONE) {
            json_decref(root);
            return status;
        }
        const bool holds =
            json_is_true(json_object_get(root, "ok")) && json_is_true(json_object_get(told, "ok"));
        json_object_set_new(root, "told", told);
        json_object_set_new(root, "ok", json_boolean(holds));
    }
    const bool holds = json_is_true(json_object_get(root, "ok"));
    status = show(client, root, print_audit);
    return status == EXIT_DONE && !holds ? EXIT_VIOLATED : status;
}

int audit_sale(const struct client *client, const struct arguments *arguments)
{
    unsigned long sale;
    struct told_list list = {0};
    const char *told_path = option_value(arguments, "told");
    int status = EXIT_USAGE;

    if (!arguments_check(arguments, "told", 1) || !sale_number(positional(arguments, 0), &sale)) {
        return EXIT_USAGE;
    }
    if (!told_path || told_read(told_path, &list)) {
        status = audit(client, sale, told_path ? &list : NULL);
    }
    free(list.items);
    return status;
}
