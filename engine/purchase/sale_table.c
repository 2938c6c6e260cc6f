/* sale_table.c: open addressing by sale number, at most half full; entries live in memory of their
 * own. */
#include "purchase/sale_table.h"

#include <stdlib.h>
#include <string.h>

#include "admission/bloom.h"
#include "common/assert.h"
#include "common/hash.h"
#include "common/metrics.h"

struct sale_table {
    struct metrics_shard *shard; /* borrowed or NULL */
    struct board_sale **slots;   /* owned; a power of two, at least twice sales_max */
    struct board_sale **all;     /* owned; the first `count` are set */
    uint32_t slot_mask;
    uint32_t count, sales_max;
    uint32_t error_ppm;
    struct bloom *filter; /* owned share; NULL says "maybe" */
};

enum { FILTER_KEY_SIZE_MAX = sizeof(uint32_t) + SKU_SIZE_MAX };

struct sale_table *sale_table_create(uint32_t sales_max, uint32_t bloom_error_ppm,
                                     struct metrics_shard *shard)
{
    struct sale_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    uint32_t slot_count = 16;
    while (slot_count < 2 * sales_max) {
        slot_count *= 2;
    }
    table->slot_mask = slot_count - 1;
    table->sales_max = sales_max;
    table->error_ppm = bloom_error_ppm;
    table->shard = shard;
    table->slots = calloc(slot_count, sizeof(struct board_sale *));
    table->all = calloc(sales_max, sizeof(struct board_sale *));
    if (table->slots == NULL || table->all == NULL) {
        sale_table_destroy(table);
        return NULL;
    }
    return table;
}

static void free_sale(struct board_sale *sale)
{
    sold_out_finish(&sale->memory);
    free(sale);
}

void sale_table_destroy(struct sale_table *table)
{
    if (table == NULL) {
        return;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        free_sale(table->all[i]);
    }
    bloom_release(table->filter);
    free(table->slots);
    free(table->all);
    free(table);
}

static uint32_t first_slot(const struct sale_table *table, uint32_t sale)
{
    return (uint32_t)(sale * UINT32_C(2654435761)) >> 7 & table->slot_mask;
}

static struct board_sale *probe(const struct sale_table *table, uint32_t sale)
{
    for (uint32_t i = first_slot(table, sale); table->slots[i] != NULL;
         i = (i + 1) & table->slot_mask) {
        if (table->slots[i]->definition.sale.value == sale) {
            return table->slots[i];
        }
    }
    return NULL;
}

static size_t filter_key(char key[static FILTER_KEY_SIZE_MAX], uint32_t sale, const struct sku *sku)
{
    memcpy(key, &sale, sizeof sale);
    if (sku == NULL) {
        return sizeof sale;
    }
    memcpy(key + sizeof sale, sku->text, sku->size);
    return sizeof sale + sku->size;
}

static bool may_be_there(const struct sale_table *table, uint32_t sale, const struct sku *sku)
{
    char key[FILTER_KEY_SIZE_MAX];
    size_t size = filter_key(key, sale, sku);

    if (!bloom_may_contain(table->filter, key, size)) {
        return false;
    }
    metrics_add(table->shard, METRIC_bloom_maybe_total, LABEL_BLOOM_CATALOGUE, 1);
    return true;
}

struct board_sale *sale_table_find(struct sale_table *table, struct sale_id sale)
{
    return may_be_there(table, sale.value, NULL) ? probe(table, sale.value) : NULL;
}

struct board_sale *sale_table_get(struct sale_table *table, struct sale_id sale)
{
    return probe(table, sale.value);
}

int sale_table_find_sku(struct sale_table *table, const struct board_sale *sale,
                        const struct sku *sku)
{
    if (!may_be_there(table, sale->definition.sale.value, sku)) {
        return -1;
    }
    return sale_find_sku(&sale->definition, sku);
}

uint32_t sale_table_count(const struct sale_table *table)
{
    return table->count;
}

struct board_sale *sale_table_at(struct sale_table *table, uint32_t index)
{
    ASSERT(index < table->count);
    return table->all[index];
}

void sale_table_begin(struct sale_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        table->all[i]->seen = false;
    }
}

/* T is what the load of this epoch wrote. The catalogue comes a moment after Redis: until it tells
 * the epoch that is sold, T is not known, and no "no" is said from memory (PROTOCOL §3.9). */
static void set_lease(struct board_sale *sale)
{
    const bool is_known = sale->epoch == sale->definition.epoch;

    sale->memory.lease_us = is_known ? (int64_t)sale->definition.times.lease_ms * 1000 : 0;
}

void sale_table_adopt(struct board_sale *sale, uint32_t epoch)
{
    if (sale->epoch == epoch) {
        return;
    }
    sale->epoch = epoch;
    sale->view = (struct board_view){0};
    sale->opening = (struct gate_view){0};
    sold_out_forget(&sale->memory);
    sale->scan_kinds = (struct no_kinds){0};
    sale->scan_version = 0;
    set_lease(sale);
}

static int compare_skus(const void *a, const void *b)
{
    const struct sale_sku *left = a;
    const struct sale_sku *right = b;

    return strcmp(left->sku.text, right->sku.text);
}

/* All reactors number the skus of a sale alike: by name. The winners' filter names them by number.
 * */
static void set_definition(struct board_sale *sale, const struct sale_definition *definition)
{
    bool is_new_epoch = sale->definition.epoch != definition->epoch;

    sale->definition = *definition;
    qsort(sale->definition.skus, sale->definition.sku_count, sizeof sale->definition.skus[0],
          compare_skus);
    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sale_sku *found =
            bsearch(&definition->skus[i], sale->definition.skus, definition->sku_count,
                    sizeof sale->definition.skus[0], compare_skus);
        ASSERT(found != NULL);
        sale->shown[i] = (uint8_t)(found - sale->definition.skus);
    }
    sale->seen = true;
    if (is_new_epoch) {
        sale_table_adopt(sale, definition->epoch);
    }
    set_lease(sale);
}

enum err sale_table_put(struct sale_table *table, const struct sale_definition *definition)
{
    struct board_sale *sale = probe(table, definition->sale.value);

    if (sale == NULL) {
        if (table->count == table->sales_max) {
            return ERR_BUSY;
        }
        sale = calloc(1, sizeof *sale);
        if (sale == NULL) {
            return ERR_NO_MEMORY;
        }
        uint32_t i = first_slot(table, definition->sale.value);
        while (table->slots[i] != NULL) {
            i = (i + 1) & table->slot_mask;
        }
        table->slots[i] = sale;
        table->all[table->count++] = sale;
    }
    set_definition(sale, definition);
    return ERR_OK;
}

static void fill_slots(struct sale_table *table)
{
    memset(table->slots, 0, ((size_t)table->slot_mask + 1) * sizeof table->slots[0]);
    for (uint32_t k = 0; k < table->count; k++) {
        uint32_t i = first_slot(table, table->all[k]->definition.sale.value);
        while (table->slots[i] != NULL) {
            i = (i + 1) & table->slot_mask;
        }
        table->slots[i] = table->all[k];
    }
}

static void add_to_filter(struct bloom *filter, const struct sale_definition *definition)
{
    char key[FILTER_KEY_SIZE_MAX];

    bloom_add(filter, key, filter_key(key, definition->sale.value, NULL));
    for (uint32_t i = 0; i < definition->sku_count; i++) {
        bloom_add(filter, key, filter_key(key, definition->sale.value, &definition->skus[i].sku));
    }
}

static void rebuild_filter(struct sale_table *table, int64_t now_us)
{
    uint64_t key_count = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        key_count += 1 + table->all[i]->definition.sku_count;
    }
    bloom_release(table->filter);
    table->filter = bloom_create(&(struct bloom_options){
        .expected_keys = key_count, .error_ppm = table->error_ppm, .created_us = now_us});
    if (table->filter == NULL) {
        return; /* no filter says "maybe" */
    }
    for (uint32_t i = 0; i < table->count; i++) {
        add_to_filter(table->filter, &table->all[i]->definition);
    }
    metrics_set(table->shard, METRIC_bloom_bytes, LABEL_BLOOM_CATALOGUE,
                (int64_t)bloom_size_bytes(table->filter));
    metrics_set(table->shard, METRIC_bloom_keys, LABEL_BLOOM_CATALOGUE,
                (int64_t)bloom_key_count(table->filter));
    metrics_set(table->shard, METRIC_bloom_fill_ratio, LABEL_BLOOM_CATALOGUE,
                bloom_measure(table->filter).fill_ppm / 1000);
}

void sale_table_end(struct sale_table *table, int64_t now_us,
                    void (*dropped)(void *arg, struct board_sale *sale), void *arg)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < table->count; i++) {
        struct board_sale *sale = table->all[i];
        if (sale->seen) {
            table->all[kept++] = sale;
        } else {
            dropped(arg, sale);
            free_sale(sale);
        }
    }
    table->count = kept;
    fill_slots(table);
    rebuild_filter(table, now_us);
    metrics_set(table->shard, METRIC_board_sales, 0, table->count);
}
