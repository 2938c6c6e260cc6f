#include "payments/member.h"

#include "domain/notice.h"

#include <criterion/criterion.h>
#include <string.h>

/* Nested, so that jansson reads it; and flat, which json_flat reads. */
#define FLAT "{\"text\":\"abc\",\"empty\":\"\",\"amount\":12,\"below\":-1,\"nil\":null}"
#define TREE                                                                                       \
    "{\"in\":{},\"text\":\"abc\",\"empty\":\"\",\"amount\":12,\"below\":-1,\"nil\":null,"          \
    "\"real\":1.0}"

static enum provider_result look(const void *arg, struct json_in root, struct notice *notice)
{
    struct json_in object;
    struct provider_text value = {"before", 6};
    int64_t amount = 7;

    cr_assert_str_eq(arg, "arg");
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
    notice->kind = NOTICE_KIND_PAID;
    return PROVIDER_INTERNAL;
}

static enum provider_result read_text(const char *text, member_root_fn *read)
{
    struct notice notice = {.kind = NOTICE_KIND_OTHER};
    enum provider_result result = member_read(text, strlen(text), read, "arg", &notice);

    cr_assert_eq(notice.kind, result == PROVIDER_BAD_BODY ? NOTICE_KIND_OTHER : NOTICE_KIND_PAID);
    return result;
}

Test(member, is_read_alike_flat_and_nested)
{
    cr_assert_eq(read_text(FLAT, look), PROVIDER_INTERNAL, "what the reader says");
    cr_assert_eq(read_text(TREE, look), PROVIDER_INTERNAL);
}

Test(member, of_what_is_no_object_is_not_read)
{
    static const char *const bad[] = {"", "[]", "7", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}"};
    char deep[64] = "";

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(read_text(bad[i], look), PROVIDER_BAD_BODY, "%s", bad[i]);
    }
    strcat(deep, "{\"a\":");
    for (int i = 0; i < 16; i++) {
        strcat(deep, "[");
    }
    for (int i = 0; i < 16; i++) {
        strcat(deep, "]");
    }
    strcat(deep, "}");
    cr_assert_eq(read_text(deep, look), PROVIDER_BAD_BODY);
}

static enum provider_result look_inside(const void *arg, struct json_in root, struct notice *notice)
{
    struct json_in object;
    int64_t amount = 0;

    (void)arg;
    cr_assert(!member_object(root, "list", &object));
    cr_assert(member_object(root, "in", &object));
    cr_assert(member_amount(object, "a", &amount) && amount == 1);
    notice->kind = NOTICE_KIND_PAID;
    return PROVIDER_OK;
}

Test(member, of_something_else_than_an_object_is_none)
{
    cr_assert_eq(read_text("{\"list\":[{\"a\":1}],\"in\":{\"a\":1}}", look_inside), PROVIDER_OK);
}
