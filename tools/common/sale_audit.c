#include "sale_audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_SIZE = 256,
    PAGE = 1000,
    SHOWN_MAX = 10,
    AUDIT_TIMEOUT_S = 1800
}; /* a sale of millions takes minutes */

struct told_result {
    size_t wins, unknowns, rows;
    size_t wins_without_row, rows_untold;
};

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
        for (struct told *at = told; at >= list->items && told_is_same(at, told); at--) {
            at->seen = true;
        }
        for (struct told *at = told; at < list->items + list->count && told_is_same(at, told);
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

/* What came of it; NULL: the rows could not be read. */
static json_t *compare(const struct client *client, unsigned long sale, struct told_list *list)
{
    struct told_result result = {0};

    told_sort(list);
    if (!check_rows(client, sale, list, &result)) {
        return NULL;
    }
    check_told(list, &result);
    return json_pack(
        "{s:b,s:I,s:I,s:I,s:I,s:I}", "ok", result.wins_without_row == 0 && result.rows_untold == 0,
        "wins", (json_int_t)result.wins, "unknowns", (json_int_t)result.unknowns, "rows",
        (json_int_t)result.rows, "wins_without_row", (json_int_t)result.wins_without_row,
        "rows_untold", (json_int_t)result.rows_untold);
}

json_t *sale_audit(const struct client *client, unsigned long sale, struct told_list *told)
{
    struct client patient = *client;
    char path[PATH_SIZE];

    patient.timeout_s = AUDIT_TIMEOUT_S;
    snprintf(path, sizeof path, "/v1/admin/sales/%lu/audit", sale);
    json_t *root = client_call(&patient, "GET", path, NULL);
    json_t *compared = root && told ? compare(client, sale, told) : NULL;
    if (root && told && !compared) {
        json_decref(root);
        return NULL;
    }
    if (compared) {
        const bool holds = json_is_true(json_object_get(root, "ok"))
                           && json_is_true(json_object_get(compared, "ok"));
        json_object_set_new(root, "told", compared);
        json_object_set_new(root, "ok", json_boolean(holds));
    }
    return root;
}

bool sale_audit_is_violated(const json_t *audit)
{
    const json_t *told = json_object_get(audit, "told");

    return json_integer_value(json_object_get(audit, "violations")) > 0
           || (told && !json_is_true(json_object_get(told, "ok")));
}

static const char *result_text(const json_t *check)
{
    const char *result = json_string_value(json_object_get(check, "result"));

    return json_is_true(json_object_get(check, "ok"))  ? "holds"
           : result && strcmp(result, "not-told") == 0 ? "not told"
                                                       : "VIOLATED";
}

static void print_checks(const json_t *root, FILE *out)
{
    const json_t *check;
    size_t index;

    json_array_foreach(json_object_get(root, "checks"), index, check)
    {
        const char *found = json_string_value(json_object_get(check, "found"));
        fprintf(out, "  %-4s %-9s %s%s%s\n", json_string_value(json_object_get(check, "id")),
                result_text(check), json_string_value(json_object_get(check, "name")),
                found ? ": " : "", found ? found : "");
    }
}

static void print_told(const json_t *told, FILE *out)
{
    static const char *const names[] = {"wins", "unknowns", "rows", "wins_without_row",
                                        "rows_untold"};
    json_int_t counts[5];

    for (size_t i = 0; i < 5; i++) {
        counts[i] = json_integer_value(json_object_get(told, names[i]));
    }
    fprintf(out,
            "  told %-9s what buyers were told: %" JSON_INTEGER_FORMAT
            " answers 201, %" JSON_INTEGER_FORMAT " unknown, %" JSON_INTEGER_FORMAT
            " rows; %" JSON_INTEGER_FORMAT " told without row, %" JSON_INTEGER_FORMAT
            " rows untold\n",
            json_is_true(json_object_get(told, "ok")) ? "holds" : "VIOLATED", counts[0], counts[1],
            counts[2], counts[3], counts[4]);
}

void sale_audit_print(const json_t *root, FILE *out)
{
    const json_t *told = json_object_get(root, "told");

    print_checks(root, out);
    if (told) {
        print_told(told, out);
    }
    if (json_is_true(json_object_get(root, "frozen"))) {
        fputs("  the sale is frozen: RUNBOOK, a sale is frozen\n", out);
    }
    fprintf(out, "audit of sale %" JSON_INTEGER_FORMAT ": %s\n",
            json_integer_value(json_object_get(root, "sale")),
            sale_audit_is_violated(root)                ? "VIOLATED"
            : json_is_true(json_object_get(root, "ok")) ? "holds"
                                                        : "not told in full, ask again");
}
