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
    static const char *const names[] = {"sale", "buyer", "state", "after", "limit"};
    char path[PATH_SIZE] = "/v1/admin/orders";
    char separator = '?';

    if (!arguments_check(arguments, "sale buyer state after limit", 0)) {
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = option_value(arguments, names[i]);
        char *escaped = value ? client_escape(value) : NULL;
        const size_t used = strlen(path);
        if (escaped
            && (size_t)snprintf(path + used, sizeof path - used, "%c%s=%s", separator, names[i],
                                escaped)
                   >= sizeof path - used) {
            fputs("seckillctl: the options are too long\n", stderr);
            free(escaped);
            return EXIT_USAGE;
        }
        separator = escaped ? '&' : separator;
        free(escaped);
    }
    return show(client, client_call(client, "GET", path, NULL), print_orders);
}

int order_show(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];

    if (!arguments_check(arguments, "", 1)) {
        return EXIT_USAGE;
    }
    const char *text = positional(arguments, 0);
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0') {
        fprintf(stderr, "seckillctl: an order number is decimal digits, not \"%s\"\n", text);
        return EXIT_USAGE;
    }
    char *number = client_escape(text);
    snprintf(path, sizeof path, "/v1/admin/orders/%s", number);
    free(number);
    return show(client, client_call(client, "GET", path, NULL), print_order);
}

static void print_dead(const json_t *root)
{
    const json_t *letter;
    size_t index;

    if (json_array_size(json_object_get(root, "dead_letters")) == 0) {
        puts("no dead letters");
    }
    json_array_foreach(json_object_get(root, "dead_letters"), index, letter)
    {
        printf("%-8" JSON_INTEGER_FORMAT " %s/%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT
               "  %-12s sale %" JSON_INTEGER_FORMAT "  order %s  %s\n",
               json_integer_value(json_object_get(letter, "id")), text_of(letter, "topic"),
               json_integer_value(json_object_get(letter, "partition")),
               json_integer_value(json_object_get(letter, "offset")), text_of(letter, "reason"),
               json_integer_value(json_object_get(letter, "sale")), text_of(letter, "order_no"),
               json_is_string(json_object_get(letter, "resolved_at")) ? "resolved" : "open");
    }
}

int dead_list(const struct client *client, const struct arguments *arguments)
{
    if (!arguments_check(arguments, "", 0)) {
        return EXIT_USAGE;
    }
    return show(client, client_call(client, "GET", "/v1/admin/dead-letters", NULL), print_dead);
}
