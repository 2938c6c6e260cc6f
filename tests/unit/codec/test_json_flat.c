#include "codec/json_flat.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_flat flat;

static bool takes(const char *text)
{
    return json_flat_read(text, strlen(text), 2, &flat);
}

Test(json_flat, leaves_to_others_what_is_not_plain)
{
    cr_assert_not(takes(""));
    cr_assert_not(takes("[]"));
    cr_assert_not(takes("{"));
    cr_assert_not(takes("{}x"));
    cr_assert_not(takes("{\"a\"}"));
    cr_assert_not(takes("{\"a\":}"));
    cr_assert_not(takes("{\"a\":1,}"));
    cr_assert_not(takes("{,\"a\":1}"));
    cr_assert_not(takes("{\"a\":1 \"b\":2}"));
    cr_assert_not(takes("{\"a\":tru}"));
    cr_assert_not(takes("{\"a\":nullx}"));
    cr_assert_not(takes("{\"a\":\"\\n\"}"));
    cr_assert_not(takes("{\"a\":\"\xc3\xa9\"}"));
    cr_assert_not(takes("{\"a\":\"\t\"}"));
    cr_assert_not(takes("{\"a\":\"x}"));
    cr_assert_not(takes("{\"a\":{}}"));
    cr_assert_not(takes("{\"a\":[[]]}"));
    cr_assert_not(takes("{\"a\":[1,]}"));
    cr_assert_not(takes("{\"a\":[true]}"));
    cr_assert_not(takes("{\"a\":[1"));
}

Test(json_flat, leaves_numbers_that_are_no_short_integers)
{
    cr_assert_not(takes("{\"a\":1.0}"));
    cr_assert_not(takes("{\"a\":1e0}"));
    cr_assert_not(takes("{\"a\":01}"));
    cr_assert_not(takes("{\"a\":+1}"));
    cr_assert_not(takes("{\"a\":-}"));
    cr_assert_not(takes("{\"a\":1234567890123456789}"));
    cr_assert(takes("{\"a\":123456789012345678}"));
    cr_assert_eq(json_flat_find(&flat, "a")->integer, 123456789012345678);
    cr_assert(takes("{\"a\":-0}"));
    cr_assert_eq(json_flat_find(&flat, "a")->integer, 0);
}

Test(json_flat, leaves_a_member_that_is_there_twice)
{
    cr_assert_not(takes("{\"a\":1,\"b\":2,\"a\":3}"));
}

Test(json_flat, leaves_what_it_has_no_room_for)
{
    char text[2000] = "{";

    for (int i = 0; i < JSON_FLAT_MEMBERS_MAX; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"%d\":1", i ? "," : "",
                       i);
    }
    strcat(text, "}");
    cr_assert(takes(text));
    text[strlen(text) - 1] = '\0';
    strcat(text, ",\"x\":1}");
    cr_assert_not(takes(text));
    (void)snprintf(text, sizeof text, "{\"a\":\"%0*d\"}", JSON_FLAT_TEXTS_SIZE - 3, 0);
    cr_assert(takes(text));
    (void)snprintf(text, sizeof text, "{\"a\":\"%0*d\"}", JSON_FLAT_TEXTS_SIZE - 2, 0);
    cr_assert_not(takes(text));
    (void)snprintf(text, sizeof text, "{\"a\":[1");
    for (int i = 0; i < JSON_FLAT_VALUES_MAX; i++) {
        strcat(text, ",1");
    }
    strcat(text, "]}");
    cr_assert_not(takes(text));
    cr_assert_not(json_flat_read("{\"a\":[]}", 8, 1, &flat), "a list is a second level");
}

Test(json_flat, reads_no_byte_behind_the_end)
{
    const char *text = "{\"a\":[\"x\",-7],\"b\":true,\"c\":null,\"d\":12}";

    for (size_t size = 0; size < strlen(text); size++) {
        char *exact = malloc(size > 0 ? size : 1);

        memcpy(exact, text, size);
        cr_assert_not(json_flat_read(exact, size, 2, &flat), "%zu", size);
        free(exact);
    }
}

Test(json_flat, takes_every_plain_type)
{
    const struct json_flat_value *value;

    cr_assert(takes(" {\"a\" : [\"x\", -7] ,\n\"b\":true,\"c\":null,\"d\":false,\"e\":\"\"} "));
    cr_assert_eq(flat.member_count, 5);
    value = json_flat_find(&flat, "a");
    cr_assert(value && value->kind == JSON_FLAT_ARRAY && value->size == 2);
    cr_assert_str_eq(flat.texts + flat.values[value->at].at, "x");
    cr_assert_eq(flat.values[value->at + 1].integer, -7);
    cr_assert_eq(json_flat_find(&flat, "b")->integer, 1);
    cr_assert_eq(json_flat_find(&flat, "c")->kind, JSON_FLAT_NULL);
    cr_assert_eq(json_flat_find(&flat, "d")->integer, 0);
    cr_assert_eq(json_flat_find(&flat, "e")->size, 0);
    cr_assert_null(json_flat_find(&flat, "f"));
    cr_assert(takes("{}"));
}
