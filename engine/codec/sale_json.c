#include "codec/sale_json.h"

#include "codec/json_out.h"
#include "common/assert.h"
#include "domain/sale.h"

#include <stdio.h>
#include <string.h>

enum { SALE_JSON_DEPTH = 8 };

static void write_sku(struct json_out *out, const struct sale_sku *sku)
{
    json_out_begin_object(out);
    json_out_name(out, "sku");
    json_out_bytes(out, sku->sku.text, sku->sku.size);
    json_out_member_u64(out, "price", sku->price);
    json_out_member_u64(out, "total", sku->total);
    json_out_end_object(out);
}

void sale_json_write(const struct sale_definition *definition, struct buf *buf)
{
    const char *why;
    struct json_out out;

    ASSERT(sale_check(definition, &why) == ERR_OK);
    json_out_init(&out, buf);
    json_out_begin_object(&out);
    json_out_member_u64(&out, "v", SALE_JSON_VERSION);
    json_out_member_u64(&out, "sale", definition->sale.value);
    json_out_member_u64(&out, "epoch", definition->epoch);
    json_out_member_text(&out, "name", definition->name);
    json_out_member_text(&out, "currency", definition->currency);
    json_out_member_i64(&out, "opens", definition->opens_ms);
    json_out_member_i64(&out, "closes", definition->closes_ms);
    json_out_member_u64(&out, "limit", definition->limit);
    json_out_member_u64(&out, "listed", definition->listed ? 1 : 0);
    json_out_member_u64(&out, "pay_window", definition->pay_window_ms);
    json_out_member_u64(&out, "D", definition->times.deadline_ms);
    json_out_member_u64(&out, "T", definition->times.lease_ms);
    json_out_member_u64(&out, "hold", definition->times.hold_ms);
    json_out_member_u64(&out, "Q", definition->times.guard_ms);
    json_out_name(&out, "skus");
    json_out_begin_array(&out);
    for (uint32_t i = 0; i < definition->sku_count; i++) {
        write_sku(&out, &definition->skus[i]);
    }
    json_out_end_array(&out);
    json_out_end_object(&out);
}

static enum err end_of(const struct json_take *take, uint32_t version, struct json_error *ret_error)
{
    return version > SALE_JSON_VERSION ? json_take_end_open(take, ret_error)
                                       : json_take_end(take, ret_error);
}

static enum err read_sku(struct json_in item, uint32_t version, struct sale_sku *sku,
                         struct json_error *ret_error)
{
    struct json_take take;
    const char *text;
    size_t size;

    json_take_begin(&take, item);
    if (json_take_text(&take, "sku", JSON_REQUIRED, 1, SKU_SIZE_MAX, &text, &size)
        && sku_parse(text, size, &sku->sku) != ERR_OK) {
        json_take_fault(&take, "sku", "must be of letters, digits, dot, dash and underscore");
    }
    (void)json_take_u64(&take, "price", JSON_REQUIRED, 0, INT64_MAX, &sku->price);
    (void)json_take_u32(&take, "total", JSON_REQUIRED, 0, UINT32_MAX, &sku->total);
    return end_of(&take, version, ret_error);
}

static void take_texts(struct json_take *take, struct sale_definition *definition)
{
    const char *text;
    size_t size;

    if (json_take_text(take, "name", JSON_REQUIRED, 0, SALE_NAME_SIZE_MAX, &text, &size)) {
        memcpy(definition->name, text, size);
    }
    if (json_take_text(take, "currency", JSON_REQUIRED, CURRENCY_SIZE, CURRENCY_SIZE, &text,
                       &size)) {
        memcpy(definition->currency, text, size);
    }
}

static void take_numbers(struct json_take *take, struct sale_definition *definition)
{
    uint32_t listed = 0;

    (void)json_take_u32(take, "sale", JSON_REQUIRED, 1, SALE_ID_MAX, &definition->sale.value);
    (void)json_take_u32(take, "epoch", JSON_REQUIRED, 1, EPOCH_MAX, &definition->epoch);
    (void)json_take_i64(take, "opens", JSON_REQUIRED, 0, INT64_MAX, &definition->opens_ms);
    (void)json_take_i64(take, "closes", JSON_REQUIRED, 0, INT64_MAX, &definition->closes_ms);
    (void)json_take_u32(take, "limit", JSON_REQUIRED, 1, UINT32_MAX, &definition->limit);
    (void)json_take_u32(take, "listed", JSON_REQUIRED, 0, 1, &listed);
    (void)json_take_u32(take, "pay_window", JSON_REQUIRED, 1, UINT32_MAX,
                        &definition->pay_window_ms);
    (void)json_take_u32(take, "D", JSON_REQUIRED, 1, UINT32_MAX, &definition->times.deadline_ms);
    (void)json_take_u32(take, "T", JSON_REQUIRED, 1, UINT32_MAX, &definition->times.lease_ms);
    (void)json_take_u32(take, "hold", JSON_REQUIRED, 1, UINT32_MAX, &definition->times.hold_ms);
    (void)json_take_u32(take, "Q", JSON_REQUIRED, 1, UINT32_MAX, &definition->times.guard_ms);
    definition->listed = listed == 1;
}

static enum err read_root(struct json_in root, struct sale_definition *definition,
                          struct json_error *ret_error)
{
    struct json_take take;
    struct json_in skus;
    uint32_t version = 0;
    enum err err;

    json_take_begin(&take, root);
    (void)json_take_u32(&take, "v", JSON_REQUIRED, 1, UINT32_MAX, &version);
    take_texts(&take, definition);
    take_numbers(&take, definition);
    if (!json_take_array(&take, "skus", JSON_REQUIRED, 1, SALE_SKUS_MAX, &skus,
                         &definition->sku_count)) {
        definition->sku_count = 0;
    }
    err = end_of(&take, version, ret_error);
    for (uint32_t i = 0; err == ERR_OK && i < definition->sku_count; i++) {
        err = read_sku(json_item(skus, i), version, &definition->skus[i], ret_error);
    }
    return err;
}

enum err sale_json_read(const char *text, size_t size, struct sale_definition *ret_definition,
                        struct json_error *ret_error)
{
    static const struct json_limits limits = {.size_max = SALE_JSON_SIZE_MAX,
                                              .depth_max = SALE_JSON_DEPTH};
    struct sale_definition definition = {0};
    struct json_doc doc = {0};
    const char *why = NULL;
    enum err err = json_doc_read(text, size, &limits, &doc, ret_error);

    if (err != ERR_OK) {
        return err;
    }
    err = read_root(json_doc_root(&doc), &definition, ret_error);
    json_doc_finish(&doc);
    if (err != ERR_OK) {
        return err;
    }
    if (sale_check(&definition, &why) != ERR_OK) {
        if (ret_error) {
            (void)snprintf(ret_error->text, sizeof ret_error->text, "%s", why);
        }
        return ERR_RANGE;
    }
    *ret_definition = definition;
    return ERR_OK;
}
