#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum { PATH_SIZE = 512 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

static void print_order(const json_t *order)
{
    printf("%-20s %-11s %-24s %-24s x%" JSON_INTEGER_FORMAT " %" JSON_INTEGER_FORMAT " %s  won %s"
           "  pay by %s\n",
           text_of(order, "order_no"), text_of(order, "state"), text_of(order, "buyer"),
           text_of(order, "sku"), json_integer_value(json_object_get(order, "quantity")),
           json_integer_value(json_object_get(order, "unit_price")), text_of(order, "currency"),
           text_of(order, "won_at"), text_of(order, "pay_by"));
}

static void print_orders(const json_t *root)
{
    const json_t *order;
    size_t index;

    json_array_foreach(json_object_get(root, "orders"), index, order)
    {
        print_order(order);
    }
    if (json_array_size(json_object_get(root, "orders")) == 0) {
        puts("no such orders");
    }
    if (json_is_string(json_object_get(root, "next"))) {
        printf("more: --after %s\n", text_of(root, "next"));
    }
}

int order_list(const struct client *client, const struct arguments *arguments)
{
    static const char *const names[] = {"sale", "buyer", "state", "after", "limit", NULL};
    char path[PATH_SIZE] = "/v1/admin/orders";

    if (!arguments_check(arguments, "sale buyer state after limit", 0)
        || !options_as_query(arguments, names, path, sizeof path)) {
        return EXIT_USAGE;
    }
    return show(client, client_call(client, "GET", path, NULL), print_orders);
}

/* The path of one order, or of what is done with it; false, with a line on stderr: wrong use.
 * `known`: its options, as arguments_check() has them. */
static bool order_path(const struct arguments *arguments, const char *known, const char *verb,
                       char *path)
{
    if (!arguments_check(arguments, known, 1)) {
        return false;
    }
    const char *text = positional(arguments, 0);
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0') {
        fprintf(stderr, "seckillctl: an order number is decimal digits, not \"%s\"\n", text);
        return false;
    }
    snprintf(path, PATH_SIZE, "/v1/admin/orders/%.64s%s", text, verb);
    return true;
}

static void print_payment(const json_t *payment)
{
    const json_t *amount = json_object_get(payment, "amount");

    const char *reason = json_string_value(json_object_get(payment, "reason"));

    printf("  payment  %s %s%s%s %s", text_of(payment, "kind"), text_of(payment, "state"),
           reason && *reason ? " for " : "", reason ? reason : "", text_of(payment, "provider"));
    if (json_is_integer(amount)) {
        printf(" %" JSON_INTEGER_FORMAT " %s", json_integer_value(amount),
               text_of(payment, "currency"));
    }
    printf("  transaction %s, event %s\n", text_of(payment, "transaction_id"),
           text_of(payment, "event_id"));
    printf("           told at %s, applied at %s\n", text_of(payment, "occurred_at"),
           text_of(payment, "changed_at"));
}

static void print_order_detail(const json_t *order)
{
    const json_t *payments = json_object_get(order, "payments");
    const char *reason = json_string_value(json_object_get(order, "reason"));
    const json_t *payment;
    size_t index;

    print_order(order);
    printf("  state    %s%s%s, version %" JSON_INTEGER_FORMAT ", since %s\n",
           text_of(order, "state"), reason && *reason ? " for " : "", reason ? reason : "",
           json_integer_value(json_object_get(order, "version")), text_of(order, "changed_at"));
    printf("  record   partition %" JSON_INTEGER_FORMAT ", offset %" JSON_INTEGER_FORMAT
           ", settled at %s\n",
           json_integer_value(json_object_get(order, "partition")),
           json_integer_value(json_object_get(order, "offset")), text_of(order, "created_at"));
    json_array_foreach(payments, index, payment)
    {
        print_payment(payment);
    }
    if (json_array_size(payments) == 0) {
        puts("  payment  none was told");
    }
}

int order_show(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];

    return order_path(arguments, "", "", path)
               ? show(client, client_call(client, "GET", path, NULL), print_order_detail)
               : EXIT_USAGE;
}

int order_redrive(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];

    return order_path(arguments, "", "/redrive", path)
               ? show(client, client_call(client, "POST", path, NULL), print_order)
               : EXIT_USAGE;
}

int order_void(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];

    return order_path(arguments, "", "/void", path)
               ? show(client, client_call(client, "POST", path, NULL), print_order)
               : EXIT_USAGE;
}

int order_refund(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];
    const char *reason = option_value(arguments, "reason");

    if (!order_path(arguments, "restock! reason", "/refund", path)) {
        return EXIT_USAGE;
    }
    if (!reason) {
        fputs("seckillctl: --reason TEXT is needed: it is written into admin_log\n", stderr);
        return EXIT_USAGE;
    }
    json_t *body =
        json_pack("{s:b,s:s}", "restock", option_given(arguments, "restock"), "reason", reason);
    json_t *order = body ? client_call(client, "POST", path, body) : NULL;
    json_decref(body);
    return show(client, order, print_order);
}
