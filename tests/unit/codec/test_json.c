#include "codec/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct json_limits limits = {.size_max = 256, .depth_max = 3};

static enum err read_text(const char *text, size_t size, struct json_error *error)
{
    struct json_doc doc = {0};
    enum err err = json_doc_read(text, size, &limits, &doc, error);

    json_doc_finish(&doc);
    return err;
}

static enum err read_only(const char *text)
{
    struct json_error error = {""};
    enum err err = read_text(text, strlen(text), &error);

    cr_assert_eq(err == ERR_OK, error.text[0] == '\0', "%s: %s", text, error.text);
    return err;
}

Test(json, refuses_what_is_not_one_object)
{
    cr_assert_eq(read_only(""), ERR_PARSE);
    cr_assert_eq(read_only("[]"), ERR_PARSE);
    cr_assert_eq(read_only("1"), ERR_PARSE);
    cr_assert_eq(read_only("null"), ERR_PARSE);
    cr_assert_eq(read_only("\"a\""), ERR_PARSE);
    cr_assert_eq(read_only("{"), ERR_PARSE);
    cr_assert_eq(read_only("{}{}"), ERR_PARSE);
    cr_assert_eq(read_only("{} x"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":1,}"), ERR_PARSE);
    cr_assert_eq(read_only("{'a':1}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":01}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":NaN}"), ERR_PARSE);
    cr_assert_eq(read_only("{/**/}"), ERR_PARSE);
    cr_assert_eq(read_only("\xef\xbb\xbf{}"), ERR_PARSE);
}

Test(json, refuses_a_member_that_is_there_twice)
{
    struct json_error error;

    cr_assert_eq(read_text("{\"a\":1,\"a\":1}", 13, &error), ERR_PARSE);
    cr_assert(strstr(error.text, "twice") != NULL, "%s", error.text);
    cr_assert_eq(read_only("{\"a\":1,\"\\u0061\":1}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"b\":{\"a\":1,\"a\":1}}"), ERR_PARSE);
}

Test(json, refuses_bad_texts)
{
    cr_assert_eq(read_only("{\"a\":\"\xff\"}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":\"\xc0\x80\"}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":\"\\ud800\"}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":\"\\u0000\"}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"\\u0000\":1}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":\"\n\"}"), ERR_PARSE);
    cr_assert_eq(read_text("{\"a\":\"b\0\"}", 10, NULL), ERR_PARSE);
}

Test(json, refuses_numbers_that_do_not_fit)
{
    cr_assert_eq(read_only("{\"a\":9223372036854775808}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":-9223372036854775809}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":1e999}"), ERR_PARSE);
    cr_assert_eq(read_only("{\"a\":9223372036854775807}"), ERR_OK);
}

Test(json, refuses_what_is_too_large_or_too_deep)
{
    char text[600];

    cr_assert_eq(read_only("{\"a\":[[1]]}"), ERR_OK);
    cr_assert_eq(read_only("{\"a\":[[[1]]]}"), ERR_RANGE);
    cr_assert_eq(read_only("{\"a\":\"[[[[[[\"}"), ERR_OK); /* no brackets: a text */
    cr_assert_eq(read_only("{\"a\":\"\\\"[[[[[[\"}"), ERR_OK);
    (void)snprintf(text, sizeof text, "{\"a\":\"%0*d\"}", 248, 0);
    cr_assert_eq(strlen(text), 256);
    cr_assert_eq(read_only(text), ERR_OK);
    (void)snprintf(text, sizeof text, "{\"a\":\"%0*d\"}", 249, 0);
    cr_assert_eq(read_only(text), ERR_RANGE);
    memset(text, '[', sizeof text);
    cr_assert_eq(read_text(text, 200, NULL), ERR_RANGE);
}

/* What the purchase's body is read like. */
static enum err read_body(const char *text, uint64_t *quantity, struct json_error *error)
{
    struct json_doc doc = {0};
    struct json_take take;
    const char *sku;
    size_t sku_size;
    enum err err = json_doc_read(text, strlen(text), &limits, &doc, error);

    if (err != ERR_OK) {
        return err;
    }
    *quantity = 1;
    json_take_begin(&take, json_doc_root(&doc));
    (void)json_take_text(&take, "sku", JSON_REQUIRED, 1, 32, &sku, &sku_size);
    (void)json_take_u64(&take, "quantity", JSON_OPTIONAL, 1, 1000, quantity);
    err = json_take_end(&take, error);
    json_doc_finish(&doc);
    return err;
}

static void assert_body_refused(const char *text, const char *sentence)
{
    struct json_error error = {""};
    uint64_t quantity = 0;

    cr_assert_eq(read_body(text, &quantity, &error), ERR_PARSE, "%s", text);
    cr_assert_str_eq(error.text, sentence);
}

Test(json, names_the_member_that_is_wrong)
{
    const char *number = "member \"quantity\" must be an integer from 1 to 1000";

    assert_body_refused("{}", "member \"sku\" is missing");
    assert_body_refused("{\"sku\":null}", "member \"sku\" must be a text");
    assert_body_refused("{\"sku\":1}", "member \"sku\" must be a text");
    assert_body_refused("{\"sku\":\"\"}", "member \"sku\" must be a text of 1 to 32 bytes");
    assert_body_refused("{\"sku\":\"a\",\"quantity\":0}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":-1}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":1001}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":1.0}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":1e0}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":\"1\"}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":null}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":true}", number);
    assert_body_refused("{\"sku\":\"a\",\"quantity\":[1]}", number);
}

Test(json, names_the_member_that_nobody_knows)
{
    assert_body_refused("{\"sku\":\"a\",\"qty\":1}", "member \"qty\" is unknown");
    assert_body_refused("{\"sku\":\"a\",\"\\n\\\"<\\u00e9\":1}", "member \"?"
                                                                 "?<?"
                                                                 "?\" is unknown");
}

Test(json, the_first_fault_is_told)
{
    assert_body_refused("{\"quantity\":0,\"x\":1}", "member \"sku\" is missing");
}

Test(json, takes_a_good_body)
{
    struct json_error error = {""};
    uint64_t quantity = 0;

    cr_assert_eq(read_body("{\"sku\":\"a\"}", &quantity, &error), ERR_OK);
    cr_assert_eq(quantity, 1);
    cr_assert_eq(read_body(" {\"quantity\" : 1000,\"sku\":\"a\"}\n", &quantity, &error), ERR_OK);
    cr_assert_eq(quantity, 1000);
}

Test(json, a_fault_of_the_caller_sticks)
{
    struct json_doc doc = {0};
    struct json_take take;
    struct json_error error = {""};
    bool value = true;

    cr_assert_eq(json_doc_read("{\"a\":false}", 11, &limits, &doc, NULL), ERR_OK);
    json_take_begin(&take, json_doc_root(&doc));
    json_take_fault(&take, "opens_at", "must be a time");
    cr_assert_not(json_take_bool(&take, "a", JSON_REQUIRED, &value));
    cr_assert(value);
    cr_assert_eq(json_take_end(&take, &error), ERR_PARSE);
    cr_assert_str_eq(error.text, "member \"opens_at\" must be a time");
    json_doc_finish(&doc);
}

Test(json, reads_every_type)
{
    const char *text =
        "{\"t\":\"x\",\"i\":-5,\"u\":7,\"b\":true,\"l\":[\"p\",1],\"o\":{\"k\":1},\"n\":null}";
    struct json_doc doc = {0};
    struct json_take take, inner;
    struct json_in list, object, any;
    uint32_t count = 0, u = 0, k = 0;
    int64_t i = 0;
    bool b = false;
    const char *t = NULL;
    size_t size = 0;

    cr_assert_eq(json_doc_read(text, strlen(text), &limits, &doc, NULL), ERR_OK);
    json_take_begin(&take, json_doc_root(&doc));
    cr_assert(json_take_text(&take, "t", JSON_REQUIRED, 0, 9, &t, &size));
    cr_assert(json_take_i64(&take, "i", JSON_REQUIRED, -5, 5, &i));
    cr_assert(json_take_u32(&take, "u", JSON_REQUIRED, 7, 7, &u));
    cr_assert(json_take_bool(&take, "b", JSON_REQUIRED, &b));
    cr_assert(json_take_array(&take, "l", JSON_REQUIRED, 1, 2, &list, &count));
    cr_assert(json_take_object(&take, "o", JSON_REQUIRED, &object));
    cr_assert(json_take_any(&take, "n", JSON_REQUIRED, &any));
    cr_assert_eq(json_take_end(&take, NULL), ERR_OK);
    cr_assert(strcmp(t, "x") == 0 && size == 1 && i == -5 && u == 7 && b && count == 2);
    cr_assert(json_in_is_text(json_item(list, 0), &t, &size) && strcmp(t, "p") == 0);
    cr_assert_not(json_in_is_text(json_item(list, 1), &t, &size));
    cr_assert_not(json_in_is_array(any, &count));
    cr_assert_not(json_in_is_text(any, &t, &size));
    json_take_begin(&inner, object);
    cr_assert(json_take_u32(&inner, "k", JSON_REQUIRED, 0, 9, &k));
    cr_assert_eq(json_take_end(&inner, NULL), ERR_OK);
    json_doc_finish(&doc);
}

Test(json, lists_and_objects_have_bounds_too)
{
    struct json_doc doc = {0};
    struct json_take take;
    struct json_in in;
    struct json_error error;
    uint32_t count;

    cr_assert_eq(json_doc_read("{\"l\":[1,2],\"o\":[]}", 18, &limits, &doc, NULL), ERR_OK);
    json_take_begin(&take, json_doc_root(&doc));
    cr_assert_not(json_take_array(&take, "l", JSON_REQUIRED, 3, 4, &in, &count));
    cr_assert_eq(json_take_end(&take, &error), ERR_PARSE);
    cr_assert_str_eq(error.text, "member \"l\" must be a list of 3 to 4");
    json_take_begin(&take, json_doc_root(&doc));
    cr_assert_not(json_take_object(&take, "o", JSON_REQUIRED, &in));
    cr_assert_eq(json_take_end(&take, NULL), ERR_PARSE);
    json_take_begin(&take, json_doc_root(&doc));
    cr_assert(json_take_any(&take, "l", JSON_REQUIRED, &in));
    cr_assert_eq(json_take_end(&take, NULL), ERR_PARSE, "o is unknown");
    cr_assert_eq(json_take_end_open(&take, NULL), ERR_OK);
    json_take_begin(&take, json_item(in, 0));
    cr_assert_eq(json_take_end_open(&take, &error), ERR_PARSE);
    cr_assert_str_eq(error.text, "must be an object");
    json_doc_finish(&doc);
}
