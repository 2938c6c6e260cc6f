#include "unit/settlement/relay_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "inventory/redis_blocking.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"
#include "loop/waiter.h"
#include "settlement/bound.h"
#include "settlement/latch.h"

struct relay_world world;

enum err mysql_link_ensure(struct mysql_link *link)
{
    (void)link;
    return ERR_OK;
}

const char *mysql_link_error_text(const struct mysql_link *link)
{
    (void)link;
    return "";
}

const char *redis_blocking_trouble(const struct redis_blocking *redis)
{
    (void)redis;
    return "";
}

enum err leader_try(struct mysql_link *link, const char *name, bool *ret_leading)
{
    (void)link;
    (void)name;
    *ret_leading = world.is_leading;
    return ERR_OK;
}

bool waiter_sleep_ms(struct waiter *waiter, uint32_t ms)
{
    (void)waiter;
    (void)ms;
    return false;
}

bool waiter_is_stopped(struct waiter *waiter)
{
    (void)waiter;
    return world.is_stopped;
}

enum err bound_sweep(const struct latch_context *context, int64_t now_us, struct bound_round *round)
{
    (void)now_us;
    round->is_going = true;
    (void)context;
    world.bounds++;
    return ERR_OK;
}

enum err latch_show_totals(const struct latch_context *context)
{
    (void)context;
    world.totals++;
    return ERR_OK;
}

enum err latch_sweep(const struct latch_context *context, struct sale_id *after)
{
    (void)context;
    (void)after;
    world.sweeps++;
    return ERR_OK;
}

int64_t waiter_now_us(const struct waiter *waiter)
{
    (void)waiter;
    return world.now_us;
}

enum err sale_store_read(struct mysql_link *link, struct sale_id sale, struct sale_row *ret_row)
{
    (void)link;
    memset(ret_row, 0, sizeof *ret_row);
    ret_row->definition.sale = sale;
    ret_row->definition.epoch = world.epoch;
    return ERR_OK;
}

enum err outbox_store_pending_count(struct mysql_link *link, struct sale_id sale,
                                    uint64_t *ret_count)
{
    (void)link;
    (void)sale;
    *ret_count = 0;
    for (size_t i = 0; i < world.row_count; i++) {
        *ret_count += !world.confirmed[i];
    }
    return ERR_OK;
}

enum err outbox_store_pending_sales(struct mysql_link *link, struct sale_id after,
                                    struct sale_id *ret_sales, size_t max, size_t *ret_count)
{
    uint64_t pending = 0;

    world.asked_after = after;
    if (world.is_crowded) {
        for (*ret_count = 0; *ret_count < max; (*ret_count)++) {
            ret_sales[*ret_count].value = after.value + 1 + (uint32_t)*ret_count;
        }
        return ERR_OK;
    }
    cr_assert_eq(outbox_store_pending_count(link, (struct sale_id){0}, &pending), ERR_OK);
    ret_sales[0] = (struct sale_id){7};
    *ret_count = pending > 0;
    return ERR_OK;
}

enum err outbox_store_pending(struct mysql_link *link, struct sale_id sale,
                              struct outbox_row *ret_rows, size_t max, size_t *ret_count)
{
    (void)link;
    (void)sale;
    *ret_count = 0;
    for (size_t i = 0; i < world.row_count && *ret_count < max; i++) {
        if (!world.confirmed[i]) {
            ret_rows[(*ret_count)++] = world.rows[i];
        }
    }
    return ERR_OK;
}

enum err outbox_store_confirm(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    (void)link;
    for (size_t i = 0; i < count; i++) {
        cr_assert(ids[i] >= 1 && ids[i] <= world.row_count);
        world.confirmed[ids[i] - 1] = true;
    }
    return ERR_OK;
}

enum err sale_reader_meta(struct redis_blocking *redis, struct sale_id sale,
                          struct sale_meta *ret_meta)
{
    (void)redis;
    (void)sale;
    memset(ret_meta, 0, sizeof *ret_meta);
    ret_meta->head.state = world.state;
    ret_meta->head.version = world.version;
    ret_meta->times.hold_ms = HOLD_MS;
    return world.redis_err;
}

static enum err answer(enum sale_answer word, struct sale_reply *ret_reply)
{
    if (ret_reply) {
        *ret_reply = (struct sale_reply){.answer = word,
                                         .head = {.version = world.version, .state = world.state}};
    }
    return word == SALE_ANSWER_OK ? ERR_OK : ERR_CONFLICT;
}

static void hear(const char *verb)
{
    const size_t used = strlen(world.verbs);

    snprintf(world.verbs + used, sizeof world.verbs - used, "%s ", verb);
}

enum err sale_loader_set_state(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                               const char *verb, struct sale_reply *ret_reply)
{
    (void)redis;
    (void)sale;
    (void)epoch;
    cr_assert_str_neq(verb, "open", "an opening carries its version");
    if (world.redis_err != ERR_OK) {
        return world.redis_err;
    }
    hear(verb);
    if (world.state == SALE_STATE_LOADING) {
        return answer(SALE_ANSWER_STATE, ret_reply);
    }
    const bool announced = world.state == SALE_STATE_LOADED || world.state == SALE_STATE_RESUMING;
    if (strcmp(verb, "resume") == 0) {
        world.state = SALE_STATE_RESUMING;
        world.version |= 1;
    } else if (strcmp(verb, "pause") == 0) {
        world.state = SALE_STATE_PAUSED;
        world.version += announced ? 1 : 2;
    }
    return answer(SALE_ANSWER_OK, ret_reply);
}

enum err sale_loader_open(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                          uint64_t version, struct sale_reply *ret_reply)
{
    (void)redis;
    (void)sale;
    (void)epoch;
    if (world.redis_err != ERR_OK) {
        return world.redis_err;
    }
    hear("open");
    if (world.state == SALE_STATE_OPEN) {
        return answer(SALE_ANSWER_OK, ret_reply);
    }
    if (world.state != SALE_STATE_LOADED && world.state != SALE_STATE_RESUMING) {
        return answer(SALE_ANSWER_STATE, ret_reply);
    }
    if (version != world.version) {
        return answer(SALE_ANSWER_HOLD, ret_reply);
    }
    world.state = SALE_STATE_OPEN;
    world.version++;
    return answer(SALE_ANSWER_OK, ret_reply);
}

enum err sale_loader_announce(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                              const struct adjust_units *units, uint32_t unit_count,
                              const struct adjust_letter *letters, uint32_t letter_count,
                              struct sale_reply *ret_reply)
{
    (void)redis;
    (void)sale;
    (void)epoch;
    (void)letters;
    (void)letter_count;
    if (world.redis_err != ERR_OK) {
        return world.redis_err;
    }
    world.announcements++;
    for (uint32_t i = 0; i < unit_count; i++) {
        world.held += units[i].units;
    }
    world.version |= 1;
    return answer(SALE_ANSWER_OK, ret_reply);
}

enum err sale_loader_apply(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                           uint64_t version, struct sale_reply *ret_reply)
{
    (void)redis;
    (void)sale;
    (void)epoch;
    if (world.redis_err != ERR_OK) {
        return world.redis_err;
    }
    if (world.held > 0 && world.version % 2 == 0) {
        world.version++;
        return answer(SALE_ANSWER_HOLD, ret_reply);
    }
    if (world.version % 2 == 1 && version != world.version) {
        return answer(SALE_ANSWER_HOLD, ret_reply);
    }
    world.applies++;
    world.stock += world.held;
    world.held = 0;
    world.version += world.version % 2;
    return answer(SALE_ANSWER_OK, ret_reply);
}

enum err sale_loader_letters(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                             const struct adjust_letter *letters, uint32_t letter_count,
                             struct sale_reply *ret_reply)
{
    (void)redis;
    (void)sale;
    (void)epoch;
    (void)letters;
    (void)letter_count;
    (void)ret_reply;
    return world.redis_err;
}
