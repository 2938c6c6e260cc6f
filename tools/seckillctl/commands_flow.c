#include <stdio.h>

#include "commands.h"

enum { PATH_SIZE = 256 };

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_states(const json_t *flow)
{
    const char *currency = json_string_value(json_object_get(flow, "currency"));
    const char *state;
    json_t *sums;

    printf("  %-12s %12s %12s %20s\n", "orders", "count", "units", "amount");
    json_object_foreach(json_object_get(flow, "orders"), state, sums)
    {
        printf("  %-12s %12" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT
               " %20" JSON_INTEGER_FORMAT " %s\n",
               state, number_of(sums, "orders"), number_of(sums, "units"),
               number_of(sums, "amount"), currency ? currency : "");
    }
}

static void print_units(const json_t *units)
{
    const json_t *back = json_object_get(units, "came_back");
    const bool balanced = json_is_true(json_object_get(units, "balanced"));

    printf("  units    initial %" JSON_INTEGER_FORMAT " + added %" JSON_INTEGER_FORMAT
           " %s left %" JSON_INTEGER_FORMAT " + pending %" JSON_INTEGER_FORMAT
           " + paid %" JSON_INTEGER_FORMAT " + quarantined %" JSON_INTEGER_FORMAT
           " + refunded, kept %" JSON_INTEGER_FORMAT "\n",
           number_of(units, "initial"), number_of(units, "added"), balanced ? "=" : "IS NOT",
           number_of(units, "left"), number_of(units, "pending"), number_of(units, "paid"),
           number_of(units, "quarantined"), number_of(units, "refunded_kept"));
    printf("  back     closed %" JSON_INTEGER_FORMAT ", refunded %" JSON_INTEGER_FORMAT
           ", voided %" JSON_INTEGER_FORMAT "%s\n",
           number_of(back, "closed"), number_of(back, "refunded"), number_of(back, "voided"),
           balanced ? "" : "; ask: seckillctl audit");
}

static void print_sale_and_flow(const json_t *sale)
{
    const json_t *flow = json_object_get(sale, "flow");

    print_sale(sale);
    print_states(flow);
    print_units(json_object_get(flow, "units"));
}

/* Two answers in one: the sale, and as its member "flow" where its units and money are. */
int sale_show(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];
    unsigned long number;

    if (!arguments_check(arguments, "", 1) || !sale_number(positional(arguments, 0), &number)) {
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "/v1/admin/sales/%lu", number);
    json_t *sale = client_call(client, "GET", path, NULL);
    snprintf(path, sizeof path, "/v1/admin/sales/%lu/flow", number);
    json_t *flow = sale ? client_call(client, "GET", path, NULL) : NULL;
    if (!flow || json_object_set_new(sale, "flow", flow) != 0) {
        json_decref(sale);
        return EXIT_FAILED_CALL;
    }
    return show(client, sale, print_sale_and_flow);
}
