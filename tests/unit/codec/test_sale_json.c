#include "codec/sale_json.h"

#include "domain/sale.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "\"v\":1,\"sale\":7,\"epoch\":3,\"name\":\"Spring \\\"24\\\"\",\"currency\":\"CNY\","
#define TIMES "\"opens\":1000,\"closes\":2000,\"limit\":2,\"listed\":1,\"pay_window\":900000,"
#define WAITS "\"D\":1000,\"T\":1000,\"hold\":1500,\"Q\":3000,"
#define SKUS                                                                                       \
    "\"skus\":[{\"sku\":\"a\",\"price\":199900,\"total\":5000},{\"sku\":\"b.c\",\"price\":0,"      \
    "\"total\":1}]"
#define GOOD "{" HEAD TIMES WAITS SKUS "}"

static enum err read_text(const char *text, struct sale_definition *definition,
                          struct json_error *error)
{
    return sale_json_read(text, strlen(text), definition, error);
}

static void assert_refused(const char *text, enum err expected, const char *part)
{
    struct sale_definition definition = {.limit = 99};
    struct json_error error = {""};

    cr_assert_eq(read_text(text, &definition, &error), expected, "%s: %s", text, error.text);
    cr_assert(strstr(error.text, part) != NULL, "%s", error.text);
    cr_assert_eq(definition.limit, 99, "untouched on failure");
}

Test(sale_json, refuses_what_is_not_a_definition)
{
    assert_refused("", ERR_PARSE, "");
    assert_refused("{}", ERR_PARSE, "\"v\" is missing");
    assert_refused("{" HEAD TIMES WAITS "\"skus\":[]}", ERR_PARSE, "\"skus\" must be a list");
    assert_refused("{" HEAD TIMES WAITS "\"skus\":[1]}", ERR_PARSE, "must be an object");
    assert_refused("{" HEAD TIMES WAITS SKUS ",\"x\":1}", ERR_PARSE, "\"x\" is unknown");
    assert_refused("{" HEAD TIMES WAITS "\"skus\":[{\"sku\":\"a b\",\"price\":1,\"total\":1}]}",
                   ERR_PARSE, "\"sku\" must be of letters");
    assert_refused("{" HEAD TIMES WAITS "\"skus\":[{\"sku\":\"a\",\"price\":-1,\"total\":1}]}",
                   ERR_PARSE, "\"price\" must be");
    assert_refused("{" HEAD TIMES SKUS "}", ERR_PARSE, "\"D\" is missing");
}

Test(sale_json, refuses_a_definition_that_breaks_its_rules)
{
    /* closes before it opens */
    assert_refused("{" HEAD "\"opens\":3000,\"closes\":2000,\"limit\":2,\"listed\":1,"
                   "\"pay_window\":900000," WAITS SKUS "}",
                   ERR_RANGE, "");
    /* the same sku twice */
    assert_refused("{" HEAD TIMES WAITS "\"skus\":[{\"sku\":\"a\",\"price\":1,\"total\":1},"
                   "{\"sku\":\"a\",\"price\":1,\"total\":1}]}",
                   ERR_RANGE, "");
}

Test(sale_json, a_definition_that_breaks_its_rules_is_not_written, .signal = SIGABRT)
{
    struct buf buf;
    struct sale_definition definition = {0};

    buf_init(&buf, SALE_JSON_SIZE_MAX);
    sale_json_write(&definition, &buf);
}

Test(sale_json, a_newer_version_may_know_more)
{
    struct sale_definition definition;
    const char *text = "{\"v\":2,\"sale\":7,\"epoch\":3,\"name\":\"n\",\"currency\":\"CNY\","
                       "\"colour\":[{\"deep\":[1]}]," TIMES WAITS
                       "\"skus\":[{\"sku\":\"a\",\"price\":1,\"total\":1,\"size\":\"L\"}]}";

    cr_assert_eq(read_text(text, &definition, NULL), ERR_OK);
    cr_assert_eq(definition.sku_count, 1);
}

Test(sale_json, an_epoch_that_was_never_loaded_is_refused)
{
    struct sale_definition definition;
    const char *text =
        "{\"v\":1,\"sale\":7,\"epoch\":0,\"name\":\"n\",\"currency\":\"CNY\"," TIMES WAITS
        "\"skus\":[{\"sku\":\"a\",\"price\":1,\"total\":1}]}";

    cr_assert_neq(read_text(text, &definition, NULL), ERR_OK);
}

Test(sale_json, what_is_read_is_written_again)
{
    struct sale_definition definition;
    struct json_error error = {""};
    struct buf buf;

    cr_assert_eq(read_text(GOOD, &definition, &error), ERR_OK, "%s", error.text);
    cr_assert(definition.sale.value == 7 && definition.epoch == 3 && definition.limit == 2);
    cr_assert(definition.listed && definition.opens_ms == 1000 && definition.closes_ms == 2000);
    cr_assert(definition.times.deadline_ms == 1000 && definition.times.lease_ms == 1000);
    cr_assert(definition.times.hold_ms == 1500 && definition.times.guard_ms == 3000);
    cr_assert(definition.sku_count == 2 && definition.skus[0].price == 199900);
    cr_assert_str_eq(definition.name, "Spring \"24\"");
    cr_assert_str_eq(definition.skus[1].sku.text, "b.c");
    buf_init(&buf, SALE_JSON_SIZE_MAX);
    sale_json_write(&definition, &buf);
    cr_assert_str_eq(buf_text(&buf), GOOD);
    buf_finish(&buf);
}

Test(sale_json, the_largest_definition_fits_its_bound)
{
    struct sale_definition definition, again;
    struct json_error error = {""};
    struct buf buf;

    cr_assert_eq(read_text(GOOD, &definition, NULL), ERR_OK);
    memset(definition.name, '"', SALE_NAME_SIZE_MAX);
    definition.sku_count = SALE_SKUS_MAX;
    for (int i = 0; i < SALE_SKUS_MAX; i++) {
        char text[SKU_SIZE_MAX + 1];

        (void)snprintf(text, sizeof text, "sku%029d", i);
        cr_assert_eq(sku_parse(text, SKU_SIZE_MAX, &definition.skus[i].sku), ERR_OK);
        definition.skus[i].price = UINT64_C(1) << 53;
        definition.skus[i].total = 1000000;
    }
    buf_init(&buf, SALE_JSON_SIZE_MAX);
    sale_json_write(&definition, &buf);
    cr_assert_not(buf.failed);
    cr_assert_eq(sale_json_read(buf.data, buf.size, &again, &error), ERR_OK, "%s", error.text);
    cr_assert_eq(again.sku_count, SALE_SKUS_MAX);
    buf_finish(&buf);
}
