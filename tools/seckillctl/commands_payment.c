#include <stdio.h>
#include <string.h>

#include "commands.h"

enum { PATH_SIZE = 256 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : "-";
}

static void print_line(const json_t *payment)
{
    const json_t *amount = json_object_get(payment, "amount");

    printf("%-8" JSON_INTEGER_FORMAT " %-11s %-14s %-8s",
           json_integer_value(json_object_get(payment, "id")), text_of(payment, "state"),
           text_of(payment, "reason"), text_of(payment, "kind"));
    if (json_is_integer(amount)) {
        printf(" %" JSON_INTEGER_FORMAT " %s", json_integer_value(amount),
               text_of(payment, "currency"));
    }
    printf("  order %s  %s transaction %s  received %s\n", text_of(payment, "order_no"),
           text_of(payment, "provider"), text_of(payment, "transaction_id"),
           text_of(payment, "received_at"));
}

static void print_payments(const json_t *root)
{
    const json_t *payments = json_object_get(root, "payments"), *payment;
    const json_t *next = json_object_get(root, "next");
    size_t index;

    json_array_foreach(payments, index, payment)
    {
        print_line(payment);
    }
    if (json_array_size(payments) == 0) {
        puts("no such payments");
    }
    if (json_is_integer(next)) {
        printf("more: --after %" JSON_INTEGER_FORMAT "\n", json_integer_value(next));
    }
}

int payment_list(const struct client *client, const struct arguments *arguments)
{
    static const char *const names[] = {"state", "after", "limit", NULL};
    char path[PATH_SIZE] = "/v1/admin/payments";

    if (!arguments_check(arguments, "state after limit", 0)
        || !options_as_query(arguments, names, path, sizeof path)) {
        return EXIT_USAGE;
    }
    return show(client, client_call(client, "GET", path, NULL), print_payments);
}
