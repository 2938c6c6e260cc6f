#include "payments/member.h"

enum { DEPTH_MAX = 16 };

enum provider_result member_read(const void *text, size_t size, member_root_fn *read,
                                 const void *arg, struct notice *notice)
{
    static const struct json_limits limits = {.size_max = PROVIDER_BODY_SIZE_MAX,
                                              .depth_max = DEPTH_MAX};
    struct json_doc doc;
    enum provider_result result;

    if (json_doc_read(text, size, &limits, &doc, NULL) != ERR_OK) {
        return PROVIDER_BAD_BODY;
    }
    result = read(arg, json_doc_root(&doc), notice);
    json_doc_finish(&doc);
    return result;
}

bool member_text(struct json_in object, const char *name, size_t size_max,
                 struct provider_text *ret_text)
{
    struct provider_text text;
    struct json_take take;

    json_take_begin(&take, object);
    if (!json_take_text(&take, name, JSON_REQUIRED, 1, size_max, &text.data, &text.size)) {
        return false;
    }
    *ret_text = text;
    return true;
}

bool member_amount(struct json_in object, const char *name, int64_t *ret_value)
{
    struct json_take take;

    json_take_begin(&take, object);
    return json_take_i64(&take, name, JSON_REQUIRED, 0, INT64_MAX, ret_value);
}

bool member_object(struct json_in object, const char *name, struct json_in *ret_object)
{
    struct json_take take;

    json_take_begin(&take, object);
    return json_take_object(&take, name, JSON_REQUIRED, ret_object);
}

bool member_is_there(struct json_in object, const char *name)
{
    struct json_take take;
    struct json_in value;

    json_take_begin(&take, object);
    return json_take_any(&take, name, JSON_REQUIRED, &value);
}
