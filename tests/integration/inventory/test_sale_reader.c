#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/catalogue_put.h"
#include "inventory/redis_settings.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"

static const struct sale_id SALE = {FIXTURE_SALE};

static enum err on_entry(void *arg, const struct outbox_listed_entry *entry)
{
    uint32_t *entries = arg;

    *entries += entry->win_count > 0 ? 1 : 0;
    return ERR_OK;
}

Test(sale_reader, garbage_is_named)
{
    struct sale_left left[SALE_SKUS_MAX];
    struct fixture_orders found = {0};
    uint32_t entries = 0;
    struct fixture fixture;
    struct sale_meta meta;
    char answer[16];
    uint32_t count;

    fixture_start(&fixture);
    fixture_load(&fixture, 1, 1);
    redis_server_ask(&fixture.server, "HSET {s:7}:stock a -1", answer, sizeof answer);
    cr_assert_eq(sale_reader_units(fixture.blocking, SALE, false, left, &count), ERR_PARSE);
    cr_assert_str_eq(redis_blocking_trouble(fixture.blocking), "stock: a field");
    redis_server_ask(&fixture.server, "HSET {s:7}:buyers buyer-1 2;x", answer, sizeof answer);
    cr_assert_eq(sale_reader_orders(fixture.blocking, SALE, fixture_on_order, &found), ERR_PARSE);
    redis_server_ask(&fixture.server, "XADD {s:7}:outbox 1-1 x y", answer, sizeof answer);
    cr_assert_eq(sale_reader_outbox(fixture.blocking, SALE, (struct outbox_place){0}, 10, on_entry,
                                    &entries, &count),
                 ERR_PARSE);
    redis_server_ask(&fixture.server, "HSET {s:7}:meta state asleep", answer, sizeof answer);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_PARSE);
    redis_server_ask(&fixture.server, "DEL {s:7}:meta", answer, sizeof answer);
    redis_server_ask(&fixture.server, "SET {s:7}:meta x", answer, sizeof answer);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_PARSE);
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 1, NULL), ERR_PARSE);
    fixture_finish(&fixture);
}

Test(sale_reader, meta_of_a_sale_in_mid_load)
{
    struct sale_load *load;
    struct fixture fixture;
    struct sale_meta meta;
    uint64_t count;

    fixture_start(&fixture);
    cr_assert_eq(sale_load_begin(fixture.blocking, SALE, 5, &load, NULL), ERR_OK);
    sale_load_destroy(load);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_OK);
    cr_assert(meta.head.state == SALE_STATE_LOADING && meta.head.epoch == 5 && meta.fence_fits);
    cr_assert_eq(sale_reader_listed_count(fixture.blocking, SALE, &count), ERR_OK);
    cr_assert_eq(count, 0);
    fixture_finish(&fixture);
}

/* docs/RUNBOOK.md gives this line. */
#define WORKER_USER                                                                                \
    "ACL SETUSER worker on >secret resetchannels ~{s:* ~seckill:* +evalsha +eval +script|load "    \
    "+client|setname +info +role +time +ping +hscan +hlen +xrange +exists +hget +hmget +hgetall "  \
    "+hset +hincrby +smismember +xadd +xdel +get +set +unlink +sadd +sscan +scard +xlen "          \
    "+hexists "                                                                                    \
    "+config|get"

static enum err ignore_applied(void *arg, uint64_t ledger_id)
{
    (void)arg;
    (void)ledger_id;
    return ERR_OK;
}

Test(sale_reader, everything_of_the_worker_works_as_a_user_of_few_rights)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct catalogue_put *put = catalogue_put_create();
    struct redis_link_options options = fixture_link_options();
    struct adjust_units units = {.ledger_id = 1, .units = 1, .sku = definition.skus[0].sku};
    struct sale_left left[SALE_SKUS_MAX];
    struct redis_settings settings;
    struct catalogue_look look;
    struct fixture_orders found = {0};
    uint32_t entries = 0;
    struct fixture fixture;
    struct sale_reply reply;
    struct sale_meta meta;
    uint64_t number;
    uint32_t count;

    fixture_start_with(&fixture, &options, WORKER_USER);
    redis_blocking_destroy(fixture.blocking);
    fixture.blocking =
        redis_blocking_create(&(struct redis_blocking_options){.address = "127.0.0.1",
                                                               .port = fixture.server.port,
                                                               .user = "worker",
                                                               .password = "secret",
                                                               .client_name = "worker",
                                                               .connect_timeout_ms = 2000,
                                                               .reply_timeout_ms = 3000});
    fixture_load(&fixture, 1, 5);
    cr_assert_eq(redis_settings_read(fixture.blocking, &settings), ERR_OK);
    cr_assert_eq(catalogue_put_add(put, &definition), ERR_OK);
    cr_assert_eq(catalogue_put_send(put, fixture.blocking, NULL), ERR_OK);
    cr_assert_eq(sale_reader_catalogue(fixture.blocking, &look), ERR_OK);
    cr_assert_eq(sale_loader_announce(fixture.blocking, SALE, 1, &units, 1, NULL, 0, &reply),
                 ERR_OK);
    cr_assert_eq(sale_loader_apply(fixture.blocking, SALE, 1, reply.head.version, &reply), ERR_OK);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_OK);
    cr_assert_eq(sale_reader_units(fixture.blocking, SALE, true, left, &count), ERR_OK);
    cr_assert_eq(sale_reader_orders(fixture.blocking, SALE, fixture_on_order, &found), ERR_OK);
    cr_assert_eq(sale_reader_applied(fixture.blocking, SALE, ignore_applied, NULL), ERR_OK);
    cr_assert_eq(sale_reader_listed_count(fixture.blocking, SALE, &number), ERR_OK);
    cr_assert_eq(sale_reader_outbox_count(fixture.blocking, SALE, &number), ERR_OK);
    cr_assert_eq(sale_reader_outbox(fixture.blocking, SALE, (struct outbox_place){0}, 10, on_entry,
                                    &entries, &count),
                 ERR_OK);
    cr_assert_eq(sale_reader_outbox_delete(fixture.blocking, SALE, (struct outbox_place){1, 1}),
                 ERR_OK);
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 1, NULL), ERR_OK);
    fixture_load(&fixture, 2, 5);
    catalogue_put_destroy(put);
    fixture_finish(&fixture);
}
