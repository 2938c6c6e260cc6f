#include "payments/member.h"

#include <criterion/criterion.h>
#include <string.h>

/* Nested, so that jansson reads it; and flat, which json_flat reads. */
#define FLAT "{\"text\":\"abc\",\"empty\":\"\",\"amount\":12,\"below\":-1,\"nil\":null}"
#define TREE                                                                                       \
    "{\"in\":{},\"text\":\"abc\",\"empty\":\"\",\"amount\":12,\"below\":-1,\"nil\":null,"          \
    "\"real\":1.0}"

static void look(const char *text)
{
    struct json_doc doc;
    struct json_in root, object;
    struct provider_text value = {"before", 6};
    int64_t amount = 7;

    cr_assert_eq(json_doc_read(text, strlen(text), &member_limits, &doc, NULL), ERR_OK);
    root = json_doc_root(&doc);
    cr_assert(!member_text(root, "none", 9, &value));
    cr_assert(!member_text(root, "empty", 9, &value));
    cr_assert(!member_text(root, "amount", 9, &value));
    cr_assert(!member_text(root, "nil", 9, &value));
    cr_assert(!member_text(root, "text", 2, &value));
    cr_assert_eq(value.size, 6, "nothing is set");
    cr_assert(member_text(root, "text", 3, &value));
    cr_assert_eq(value.size, 3);
    cr_assert(!member_amount(root, "text", &amount));
    cr_assert(!member_amount(root, "below", &amount));
    cr_assert(!member_amount(root, "real", &amount));
    cr_assert(!member_amount(root, "none", &amount));
    cr_assert_eq(amount, 7);
    cr_assert(member_amount(root, "amount", &amount) && amount == 12);
    cr_assert(!member_object(root, "text", &object));
    cr_assert(member_is_there(root, "nil"));
    cr_assert(!member_is_there(root, "none"));
    json_doc_finish(&doc);
}

Test(member, is_read_alike_flat_and_nested)
{
    look(FLAT);
    look(TREE);
}

Test(member, of_something_else_than_an_object_is_none)
{
    static const char text[] = "{\"list\":[{\"a\":1}],\"in\":{\"a\":1}}";
    struct json_doc doc;
    struct json_in object;
    int64_t amount = 0;

    cr_assert_eq(json_doc_read(text, strlen(text), &member_limits, &doc, NULL), ERR_OK);
    cr_assert(!member_object(json_doc_root(&doc), "list", &object));
    cr_assert(member_object(json_doc_root(&doc), "in", &object));
    cr_assert(member_amount(object, "a", &amount) && amount == 1);
    json_doc_finish(&doc);
}
