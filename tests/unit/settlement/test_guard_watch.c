/* What the guard sees of a sale, and what it does about it, on fakes. */
#include "settlement/guard_watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "common/metrics.h"
#include "inventory/sale_marks.h"
#include "ledger/dead_store.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_sweep.h"
#include "settlement/guard_job.h"
#include "settlement/latch.h"
#include "unit/settlement/quiet.h"

static struct {
    struct sale_guarded sales[SALE_MARKS_MAX + 10];
    struct sale_mark marks[SALE_MARKS_MAX + 10];
    uint32_t count;
    struct sale_marks_server server;
    enum err list_err, marks_err, claim_err, dead_err, catalogue_err, submit_err;
    uint32_t bad_sale; /* claim_err is of this one alone; 0: of all */
    uint64_t dead_of_sale, dead_of_none, pending;
    uint32_t claims, loads, catalogues, kept;
    enum err keep_err;
    bool opens_behind_marks; /* the first sale, once they were read */
    bool is_recover;
    char why[200];       /* of the last claim */
    enum guard_step end; /* of the last claim that was ended */
    char note[200];
} world;

enum err sale_sweep_guarded(struct mysql_link *link, struct sale_id after, uint32_t keep_days,
                            struct sale_guarded *ret_sales, size_t max, size_t *ret_count)
{
    (void)link;
    cr_assert_eq(keep_days, 7);
    *ret_count = 0;
    for (uint32_t i = 0; i < world.count && *ret_count < max; i++) {
        if (world.sales[i].sale.value > after.value) {
            ret_sales[(*ret_count)++] = world.sales[i];
        }
    }
    return world.list_err;
}

enum err sale_marks_read(struct redis_blocking *redis, const struct sale_id *sales, uint32_t count,
                         struct sale_marks_server *ret_server, struct sale_mark *ret_marks)
{
    (void)redis;
    for (uint32_t i = 0; i < count; i++) {
        ret_marks[i] = world.marks[sales[i].value - 1];
    }
    *ret_server = world.server;
    if (world.opens_behind_marks) {
        world.marks[0].state = SALE_STATE_OPEN;
    }
    return world.marks_err;
}

enum err guard_claim_sale(const struct guard_context *context, struct sale_id sale,
                          const struct admin_actor *actor, bool is_recover, const char *detail,
                          const uint64_t *seen, struct guard_request *ret_request)
{
    (void)context;
    cr_assert_str_eq(actor->name, "guard");
    cr_assert_eq(*seen, world.sales[sale.value - 1].fence, "as it was listed");
    world.claims++;
    world.is_recover = is_recover;
    (void)snprintf(world.why, sizeof world.why, "%s", detail);
    *ret_request = (struct guard_request){.claim = {.sale = sale, .fence = *seen + 1}};
    return world.bad_sale == 0 || world.bad_sale == sale.value ? world.claim_err : ERR_OK;
}

enum err guard_end_claim(const struct guard_context *context, const struct guard_request *request,
                         enum guard_step end, const char *note)
{
    struct sale_guarded *sale = &world.sales[request->claim.sale.value - 1];

    (void)context;
    world.end = end;
    (void)snprintf(world.note, sizeof world.note, "%s", note);
    sale->fence = request->claim.fence;
    sale->has_failed = end == GUARD_STEP_FAILED;
    sale->is_told = strncmp(note, SALE_BLOCKED_NOTE, strlen(SALE_BLOCKED_NOTE)) == 0;
    return ERR_OK;
}

enum err guard_loads_submit(struct guard_loads *loads, const struct guard_request *request)
{
    (void)loads;
    (void)request;
    world.loads += world.submit_err == ERR_OK ? 1 : 0;
    return world.submit_err;
}

enum err guard_write_catalogue(const struct guard_context *context, guard_beat_fn *beat,
                               void *beat_arg)
{
    (void)beat;
    (void)beat_arg;
    (void)context;
    world.catalogues++;
    return world.catalogue_err;
}

static struct conf conf = {.catalogue_keep_days = 7};

enum err dead_store_open_count(struct mysql_link *link, const char *topic, struct sale_id sale,
                               uint64_t *ret_of_sale, uint64_t *ret_of_none)
{
    (void)link;
    cr_assert_str_eq(topic, conf.kafka_orders_topic);
    (void)sale;
    *ret_of_sale = world.dead_of_sale;
    *ret_of_none = world.dead_of_none;
    return world.dead_err;
}

enum err outbox_store_pending_count(struct mysql_link *link, struct sale_id sale,
                                    uint64_t *ret_count)
{
    (void)link;
    (void)sale;
    *ret_count = world.pending;
    return ERR_OK;
}

enum err latch_keep(struct mysql_link *mysql, const struct sale_guarded *sale,
                    const struct sale_mark *mark)
{
    (void)mysql;
    world.kept += mark->state == SALE_STATE_ENDED ? 1 : 0;
    cr_assert(mark->kind == SALE_MARK_FITS && mark->epoch == sale->epoch);
    return world.keep_err;
}

static const struct guard_context context = {.conf = &conf, .owner = "me"};
static struct guard_watch *watch;

/* One sale that sells. */
static void begin(void)
{
    quiet.now_us = 1000000;
    world.server = (struct sale_marks_server){.is_primary = true, .has_catalogue = true};
    world.count = 1;
    for (uint32_t i = 0; i < SALE_MARKS_MAX + 10; i++) {
        world.sales[i] = (struct sale_guarded){
            .sale = {i + 1}, .epoch = 3, .control = SALE_CONTROL_OPEN, .fence = 4};
        world.marks[i] = (struct sale_mark){
            .kind = SALE_MARK_FITS, .epoch = 3, .state = SALE_STATE_OPEN, .is_listed = true};
    }
    watch = guard_watch_create(&context, NULL);
    cr_assert_not_null(watch);
}

static void end(void)
{
    guard_watch_destroy(watch);
}

TestSuite(guard_watch, .init = begin, .fini = end);

static void look(void)
{
    cr_assert_eq(guard_watch_look(watch), ERR_OK);
}

static uint32_t blocked(void)
{
    char why[GUARD_WHY_SIZE];

    return guard_watch_blocked(watch, why);
}

Test(guard_watch, services_that_are_away_are_told_and_nothing_is_done)
{
    world.marks[0].kind = SALE_MARK_GONE;
    world.list_err = ERR_UNAVAILABLE;
    cr_assert_eq(guard_watch_look(watch), ERR_UNAVAILABLE);
    world.list_err = ERR_OK;
    world.marks_err = ERR_REFUSED;
    cr_assert_eq(guard_watch_look(watch), ERR_REFUSED);
    world.marks_err = ERR_OK;
    world.dead_err = ERR_LOST;
    cr_assert_eq(guard_watch_look(watch), ERR_LOST);
    quiet.ensure_err = ERR_UNAVAILABLE;
    cr_assert_eq(guard_watch_look(watch), ERR_UNAVAILABLE);
    cr_assert(world.claims == 0 && world.catalogues == 0);
}

Test(guard_watch, a_replica_is_left_alone)
{
    world.marks[0].kind = SALE_MARK_OTHER;
    world.server = (struct sale_marks_server){.is_primary = false};
    look();
    cr_assert(world.claims == 0 && world.catalogues == 0);
}

Test(guard_watch, what_redis_has_ended_is_kept_where_the_fence_fits)
{
    static const enum sale_mark_kind others[] = {SALE_MARK_GONE, SALE_MARK_GARBAGE,
                                                 SALE_MARK_OTHER};

    look();
    cr_assert_eq(world.kept, 0);
    world.marks[0].state = SALE_STATE_ENDED;
    look();
    cr_assert_eq(world.kept, 1);
    cr_assert_eq(world.claims, 0);
    for (size_t i = 0; i < 3; i++) {
        world.marks[0].kind = others[i];
        look();
    }
    world.marks[0].kind = SALE_MARK_FITS;
    world.marks[0].epoch--;
    look();
    cr_assert_eq(world.kept, 1, "another history is the load's matter");
    world.marks[0].epoch++;
    world.keep_err = ERR_UNAVAILABLE;
    cr_assert_eq(guard_watch_look(watch), ERR_UNAVAILABLE);
}

Test(guard_watch, another_that_was_quicker_is_let_be)
{
    world.marks[0].kind = SALE_MARK_GONE;
    world.claim_err = ERR_BUSY;
    look();
    cr_assert_eq(world.loads, 0);
}

Test(guard_watch, a_claim_that_mysql_did_not_take_is_told)
{
    world.marks[0].kind = SALE_MARK_GONE;
    world.claim_err = ERR_UNAVAILABLE;
    cr_assert_eq(guard_watch_look(watch), ERR_UNAVAILABLE);
}

Test(guard_watch, a_sale_whose_rows_are_bad_is_blocked_and_the_others_are_loaded)
{
    static const enum err errors[] = {ERR_PARSE, ERR_NOT_FOUND, ERR_REFUSED};
    char why[GUARD_WHY_SIZE];

    world.count = 3;
    world.bad_sale = 2;
    for (uint32_t i = 0; i < 3; i++) {
        world.marks[i].kind = SALE_MARK_GONE;
    }
    for (uint32_t i = 0; i < 3; i++) {
        world.server.has_catalogue = false;
        world.claim_err = errors[i];
        look();
        cr_assert_eq(world.loads, 2 * (i + 1));
        cr_assert_eq(guard_watch_blocked(watch, why), 1);
        cr_assert_not_null(strstr(why, "sale 2: its rows in MySQL"), "%s", why);
        cr_assert_gt(world.catalogues, 0);
    }
    world.claim_err = ERR_OK;
    look();
    cr_assert_eq(blocked(), 0);
}

Test(guard_watch, looks_that_fail_for_long_are_told)
{
    char why[GUARD_WHY_SIZE];

    world.marks_err = ERR_REFUSED;
    cr_assert_eq(guard_watch_look(watch), ERR_REFUSED);
    cr_assert_eq(blocked(), 0, "a moment is told by others");
    quiet.now_us += 10000000;
    cr_assert_eq(guard_watch_look(watch), ERR_REFUSED);
    cr_assert_eq(guard_watch_blocked(watch, why), 1);
    cr_assert_not_null(strstr(why, "no sale can be looked at"), "%s", why);
    world.marks_err = ERR_OK;
    look();
    cr_assert_eq(blocked(), 0);
}

Test(guard_watch, too_many_loads_give_the_claim_back)
{
    world.marks[0].kind = SALE_MARK_GONE;
    world.submit_err = ERR_BUSY;
    look();
    cr_assert_eq(world.end, GUARD_STEP_FAILED);
}

Test(guard_watch, dead_letters_block_once_and_until_they_are_closed)
{
    char why[GUARD_WHY_SIZE];

    world.marks[0].kind = SALE_MARK_GONE;
    world.dead_of_none = 2;
    for (int i = 0; i < 5; i++) {
        look();
    }
    cr_assert(world.claims == 1 && world.loads == 0, "told once");
    cr_assert_eq(guard_watch_blocked(watch, why), 1);
    cr_assert_str_eq(why, "sale 1: 0 dead letters of it and 2 of no known sale may be its wins");
    cr_assert_str_eq(world.note,
                     "blocked: 0 dead letters of it and 2 of no known sale may be its wins");
    world.dead_of_none = 0;
    look();
    cr_assert(world.loads == 1 && blocked() == 0, "at once");
}

Test(guard_watch, garbage_is_for_an_operator)
{
    world.marks[0].kind = SALE_MARK_GARBAGE;
    look();
    look();
    cr_assert(world.claims == 1 && world.loads == 0 && blocked() == 1);
}

Test(guard_watch, a_load_that_failed_is_tried_again_later_and_later)
{
    world.marks[0].kind = SALE_MARK_OTHER;
    for (uint32_t failures = 1; failures <= 10; failures++) {
        world.sales[0].has_failed = true;
        world.sales[0].fence++;
        const uint32_t before = world.loads;
        const int64_t failed_us = quiet.now_us;
        while (world.loads == before) {
            look();
            quiet.now_us += 100000;
        }
        const int64_t waited_ms = (quiet.now_us - failed_us) / 1000;
        const int64_t least_ms = failures < 7 ? 1000 << (failures - 1) : 60000;
        cr_assert(waited_ms >= least_ms && waited_ms <= least_ms + 200, "%d after %u",
                  (int)waited_ms, failures);
    }
    world.marks[0].kind = SALE_MARK_FITS;
    world.sales[0].has_failed = false;
    look();
    world.marks[0].kind = SALE_MARK_OTHER;
    const uint32_t before = world.loads;
    look();
    cr_assert_eq(world.loads, before + 1, "what was mended is forgotten");
}

Test(guard_watch, a_catalogue_that_cannot_be_written_is_not_tried_all_the_time)
{
    world.server.has_catalogue = false;
    world.catalogue_err = ERR_RANGE;
    for (int i = 0; i < 100; i++) {
        look();
        quiet.now_us += 100000;
    }
    cr_assert_leq(world.catalogues, 5);
    world.catalogue_err = ERR_OK;
    quiet.now_us += 60000000;
    look();
    world.server.has_catalogue = true;
    look();
    world.server.has_catalogue = false;
    const uint32_t before = world.catalogues;
    look();
    cr_assert_eq(world.catalogues, before + 1, "a new loss is mended at once");
}

Test(guard_watch, a_load_whose_owner_lives_is_let_be)
{
    world.sales[0].is_loading = true;
    world.sales[0].silent_ms = GUARD_STALE_MS - 1;
    world.marks[0].kind = SALE_MARK_OTHER;
    look();
    cr_assert_eq(world.claims, 0);
}

Test(guard_watch, a_load_whose_owner_died_is_begun_again)
{
    world.sales[0].is_loading = true;
    world.sales[0].silent_ms = GUARD_STALE_MS;
    world.marks[0].state = SALE_STATE_LOADING;
    look();
    cr_assert(world.loads == 1 && world.is_recover);
    cr_assert_str_eq(world.why, "a load was left half done");
}

Test(guard_watch, a_first_load_whose_owner_died_is_begun_again)
{
    world.sales[0] = (struct sale_guarded){
        .sale = {1}, .fence = 1, .is_loading = true, .silent_ms = GUARD_STALE_MS};
    world.marks[0] = (struct sale_mark){.kind = SALE_MARK_GONE};
    world.dead_of_none = 1;
    look();
    cr_assert(world.loads == 1 && !world.is_recover, "nobody can have won in it");
}

Test(guard_watch, a_load_that_was_done_when_its_owner_died_is_ended)
{
    world.sales[0].is_loading = true;
    world.sales[0].silent_ms = GUARD_STALE_MS;
    look();
    cr_assert(world.loads == 0 && world.end == GUARD_STEP_DONE);
}

Test(guard_watch, every_other_history_is_seen)
{
    static const struct {
        struct sale_mark mark;
        const char *why;
    } lost[] = {
        {{.kind = SALE_MARK_GONE}, "Redis has lost it"},
        {{.kind = SALE_MARK_OTHER, .epoch = 3, .state = SALE_STATE_OPEN},
         "Redis has another history"},
        {{.kind = SALE_MARK_FITS, .epoch = 2, .state = SALE_STATE_OPEN},
         "Redis has another epoch than MySQL"},
        {{.kind = SALE_MARK_FITS, .epoch = 4, .state = SALE_STATE_OPEN},
         "Redis has another epoch than MySQL"},
        {{.kind = SALE_MARK_FITS, .epoch = 3, .state = SALE_STATE_LOADING},
         "a load was left half done"},
        {{.kind = SALE_MARK_FITS, .epoch = 3, .state = SALE_STATE_LOADED},
         "a load was left half done"},
    };

    for (uint32_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        world.marks[0] = lost[i].mark;
        look();
        cr_assert_eq(world.loads, i + 1, "%s", lost[i].why);
        cr_assert_str_eq(world.why, lost[i].why);
    }
}

Test(guard_watch, a_sale_that_is_being_opened_is_let_be)
{
    world.marks[0].state = SALE_STATE_LOADED;
    world.pending = 1;
    look();
    world.pending = 0;
    world.sales[0].control = SALE_CONTROL_PAUSED;
    look();
    cr_assert_eq(world.claims, 0);
}

Test(guard_watch, a_sale_that_was_opened_since_it_was_looked_at_is_let_be)
{
    world.marks[0].state = SALE_STATE_LOADED;
    world.opens_behind_marks = true;
    look();
    cr_assert_eq(world.claims, 0);
}

Test(guard_watch, a_missing_catalogue_is_written)
{
    world.server.has_catalogue = false;
    look();
    cr_assert(world.catalogues == 1 && world.claims == 0);
}

Test(guard_watch, a_sale_that_the_catalogue_does_not_have_is_written_into_it)
{
    world.marks[0].is_listed = false;
    look();
    cr_assert_eq(world.catalogues, 1);
}

Test(guard_watch, many_sales_are_all_looked_at)
{
    world.count = SALE_MARKS_MAX + 10;
    for (uint32_t i = 0; i < world.count; i++) {
        world.marks[i].kind = SALE_MARK_GONE;
    }
    look();
    cr_assert_eq(world.loads, SALE_MARKS_MAX + 10);
}

Test(guard_watch, all_is_well)
{
    look();
    look();
    cr_assert(world.claims == 0 && world.catalogues == 0 && blocked() == 0);
}
