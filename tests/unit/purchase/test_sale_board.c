#include "purchase/sale_board.h"

#include <criterion/criterion.h>
#include <string.h>

#include "admission/bloom.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_outbox.h"
#include "support/fakes/fake_redis.h"
#include "support/fakes/fake_stock.h"

enum { START_US = 100000000, POLL_MS = 200, CATALOGUE_MS = 500, ACK_MS = 100, MS = 1000 };

static const struct sale_id seven = {7}, eight = {8};

struct bench {
    struct loop *loop;
    struct redis_link *link;
    struct stock *stock;
    struct outbox *outbox;
    struct sale_board *board;
    uint32_t wish_count;
    struct scan_wish wish;
    uint32_t told_count;
    bool in_time;
};

static void on_wish(void *arg, const struct scan_wish *wish)
{
    struct bench *bench = arg;

    bench->wish_count++;
    bench->wish = *wish;
}

static void on_reply(void *arg, bool in_time)
{
    struct bench *bench = arg;

    bench->told_count++;
    bench->in_time = in_time;
}

static void begin(struct bench *bench)
{
    *bench = (struct bench){.loop = fake_loop_create(START_US),
                            .link = fake_redis_create(),
                            .stock = fake_stock_create(),
                            .outbox = fake_outbox_create()};
    bench->board = sale_board_create(&(struct sale_board_options){.loop = bench->loop,
                                                                  .link = bench->link,
                                                                  .stock = bench->stock,
                                                                  .outbox = bench->outbox,
                                                                  .poll_ms = POLL_MS,
                                                                  .catalogue_ms = CATALOGUE_MS,
                                                                  .ack_ms = ACK_MS,
                                                                  .sales_max = 10,
                                                                  .bloom_error_ppm = 1000,
                                                                  .on_scan_wanted = on_wish,
                                                                  .scan_arg = bench});
    cr_assert_not_null(bench->board);
    fake_loop_advance_us(bench->loop, 1 * MS); /* the first read is sent */
}

static void end(struct bench *bench)
{
    sale_board_destroy(bench->board);
    fake_loop_destroy(bench->loop);
    fake_redis_destroy(bench->link);
    fake_stock_destroy(bench->stock);
    fake_outbox_destroy(bench->outbox);
}

/* Sale 7 with skus black and white, epoch `epoch`. */
static void tell_catalogue(struct bench *bench, uint32_t epoch, uint64_t revision)
{
    struct sale_definition definition = {
        .sale = seven, .epoch = epoch, .sku_count = 2, .times = {.lease_ms = 1000}};
    struct catalogue_read read = {
        .status = CATALOGUE_OK, .revision = revision, .count = 1, .definitions = &definition};

    cr_assert_eq(sku_parse("black", 5, &definition.skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("white", 5, &definition.skus[1].sku), ERR_OK);
    fake_redis_tell_catalogue(bench->link, ERR_OK, &read);
}

static void tell_status(struct bench *bench, enum catalogue_status status, uint64_t revision)
{
    struct catalogue_read read = {.status = status, .revision = revision};

    fake_redis_tell_catalogue(bench->link, ERR_OK, &read);
}

static enum gate_sale ask(struct bench *bench, struct sale_id sale)
{
    struct board_sale *found = NULL;

    return sale_board_ask(bench->board, sale, &found);
}

/* A reply in which white comes first. */
static struct sale_view make_view(struct bench *bench, uint32_t black, uint32_t white)
{
    struct sale_view view = {.sale = seven,
                             .status = SALE_VIEW_OK,
                             .epoch = 1,
                             .version = 2,
                             .state = SALE_STATE_OPEN,
                             .redis_time_ms = 1700000000000,
                             .sent_us = loop_clock_us(bench->loop),
                             .seq = 5,
                             .outbox_first = 4,
                             .sku_count = 2};

    cr_assert_eq(sku_parse("white", 5, &view.skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("black", 5, &view.skus[1].sku), ERR_OK);
    view.skus[0].left = white;
    view.skus[1].left = black;
    return view;
}

/* --- the catalogue: what is absent, and for how long --- */

Test(sale_board, nothing_is_absent_before_the_first_read)
{
    struct bench bench;

    begin(&bench);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_UNSURE);
    cr_assert_eq(sale_board_catalogue_age_ms(bench.board), -1);
    end(&bench);
}

Test(sale_board, absence_is_believed_for_a_second_from_the_sending)
{
    struct bench bench;

    begin(&bench);
    fake_loop_advance_us(bench.loop, 300 * MS); /* the reply takes its time */
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_KNOWN);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_ABSENT);
    bench.link->is_up = false;
    fake_loop_advance_us(bench.loop, 699 * MS);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_ABSENT);
    fake_loop_advance_us(bench.loop, 1 * MS);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_UNSURE);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_KNOWN);
    end(&bench);
}

Test(sale_board, an_unchanged_catalogue_is_confirmed_again)
{
    struct bench bench;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    fake_loop_advance_us(bench.loop, CATALOGUE_MS * MS);
    cr_assert_eq(bench.link->known_revision, 10);
    tell_status(&bench, CATALOGUE_UNCHANGED, 10);
    fake_loop_advance_us(bench.loop, CATALOGUE_MS * MS + 10);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_ABSENT);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_KNOWN);
    end(&bench);
}

Test(sale_board, a_catalogue_that_is_rebuilt_makes_nothing_absent)
{
    struct bench bench;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    fake_loop_advance_us(bench.loop, CATALOGUE_MS * MS);
    tell_status(&bench, CATALOGUE_REBUILDING, 0);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_UNSURE);
    cr_assert(sale_board_is_rebuilding(bench.board));
    fake_loop_advance_us(bench.loop, CATALOGUE_MS * MS);
    cr_assert_eq(bench.link->known_revision, 0); /* what was known is no history of this one */
    end(&bench);
}

Test(sale_board, a_read_that_failed_confirms_nothing)
{
    struct bench bench;

    begin(&bench);
    fake_redis_tell_catalogue(bench.link, ERR_PARSE, NULL);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_UNSURE);
    fake_loop_advance_us(bench.loop, CATALOGUE_MS * MS);
    fake_redis_tell_catalogue(bench.link, ERR_LOST, NULL);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_UNSURE);
    end(&bench);
}

Test(sale_board, a_catalogue_that_does_not_fit_makes_nothing_absent)
{
    struct bench bench;
    struct sale_definition definitions[11];
    struct catalogue_read read = {
        .status = CATALOGUE_OK, .revision = 1, .count = 11, .definitions = definitions};

    memset(definitions, 0, sizeof definitions);
    for (uint32_t i = 0; i < 11; i++) {
        definitions[i].sale.value = 100 + i;
        definitions[i].epoch = 1;
    }
    begin(&bench);
    fake_redis_tell_catalogue(bench.link, ERR_OK, &read);
    cr_assert_eq(ask(&bench, (struct sale_id){100}), GATE_SALE_KNOWN);
    cr_assert_eq(ask(&bench, (struct sale_id){110}), GATE_SALE_UNSURE);
    end(&bench);
}

Test(sale_board, a_sale_that_cannot_be_read_is_not_absent_and_the_others_are_sold)
{
    struct bench bench;
    struct sale_definition definition = {.sale = seven, .epoch = 1};
    struct catalogue_read read = {.status = CATALOGUE_OK,
                                  .revision = 10,
                                  .count = 1,
                                  .definitions = &definition,
                                  .unreadable_count = 1,
                                  .unreadable = {eight}};

    begin(&bench);
    fake_redis_tell_catalogue(bench.link, ERR_OK, &read);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_KNOWN);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_UNSURE);
    cr_assert_eq(ask(&bench, (struct sale_id){9}), GATE_SALE_ABSENT);
    fake_loop_advance_us(bench.loop, CATALOGUE_MS * MS);
    tell_catalogue(&bench, 1, 11); /* written again, without it */
    cr_assert_eq(ask(&bench, eight), GATE_SALE_ABSENT);
    end(&bench);
}

Test(sale_board, a_field_that_is_no_sale_makes_nothing_absent)
{
    struct bench bench;
    struct catalogue_read read = {.status = CATALOGUE_OK, .revision = 10, .is_incomplete = true};

    begin(&bench);
    fake_redis_tell_catalogue(bench.link, ERR_OK, &read);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_UNSURE);
    end(&bench);
}

Test(sale_board, on_a_new_link_everything_is_read_again)
{
    struct bench bench;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    sale_board_on_link(bench.board);
    cr_assert_eq(bench.link->known_revision, 0);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_UNSURE);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(ask(&bench, eight), GATE_SALE_ABSENT);
    end(&bench);
}

Test(sale_board, a_sale_that_left_the_catalogue_is_absent)
{
    struct bench bench;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_KNOWN); /* it is hot when it goes */
    fake_loop_advance_us(bench.loop, CATALOGUE_MS * MS);
    tell_status(&bench, CATALOGUE_OK, 11);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_ABSENT);
    fake_loop_advance_us(bench.loop, 10 * CATALOGUE_MS * MS);
    end(&bench);
}

/* --- replies --- */

Test(sale_board, a_reply_is_kept_by_the_places_of_the_definition)
{
    struct bench bench;
    struct board_sale *sale = NULL;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(sale_board_ask(bench.board, seven, &sale), GATE_SALE_KNOWN);
    cr_assert_not(sale_board_is_fresh(bench.board, sale));
    struct sale_view view = make_view(&bench, 3, 4);
    for (int i = 0; i < 2; i++) { /* the second time by what the first one learnt */
        sale_board_see(bench.board, &view);
        cr_assert_eq(sale->view.left[0], 3);
        cr_assert_eq(sale->view.left[1], 4);
        cr_assert_eq(sale->view.known_skus, 3);
        cr_assert_eq(sale->view.outbox_first, 4);
        cr_assert_eq(sale->opening.seq, 5);
    }
    cr_assert(sale_board_is_fresh(bench.board, sale));
    fake_loop_stall_us(bench.loop, 1000 * MS);
    cr_assert_not(sale_board_is_fresh(bench.board, sale));
    end(&bench);
}

Test(sale_board, a_reply_of_another_epoch_or_of_no_sale_is_not_believed)
{
    struct bench bench;
    struct board_sale *sale = NULL;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(sale_board_ask(bench.board, seven, &sale), GATE_SALE_KNOWN);
    struct sale_view view = make_view(&bench, 0, 0);
    view.epoch = 2;
    sale_board_see(bench.board, &view);
    cr_assert_eq(sale->view.epoch, 0);
    cr_assert_eq(bench.wish_count, 0);
    view.sale = eight;
    sale_board_see(bench.board, &view);
    end(&bench);
}

Test(sale_board, the_epoch_that_redis_tells_is_taken_and_what_was_known_is_forgotten)
{
    struct bench bench;
    struct board_sale *sale = NULL;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(sale_board_ask(bench.board, seven, &sale), GATE_SALE_KNOWN);
    struct sale_view view = make_view(&bench, 0, 1);
    sale_board_see(bench.board, &view);
    cr_assert_eq(sale->memory.epoch, 1);
    struct sale_view other = {.sale = seven, .status = SALE_VIEW_EPOCH, .epoch = 2};
    sale_board_see(bench.board, &other);
    cr_assert_eq(sale->epoch, 2);
    cr_assert_eq(sale->memory.epoch, 0);
    cr_assert_eq(sale->opening.epoch, 0);
    fake_loop_advance_us(bench.loop, ACK_MS * MS);
    cr_assert_eq(bench.stock->last_poll.epoch, 2); /* asked for anew, at once */
    end(&bench);
}

Test(sale_board, a_no_that_no_filter_covers_is_wished_for_once_a_second)
{
    struct bench bench;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    struct sale_view view = make_view(&bench, 2, 1);
    sale_board_see(bench.board, &view);
    cr_assert_eq(bench.wish_count, 0);
    view.skus[1].left = 0; /* black, place 0 */
    sale_board_see(bench.board, &view);
    sale_board_see(bench.board, &view);
    cr_assert_eq(bench.wish_count, 1);
    cr_assert_eq(bench.wish.kinds.skus, 1);
    cr_assert(bench.wish.epoch == 1 && bench.wish.version == 2);
    view.skus[0].left = 0;
    sale_board_see(bench.board, &view);
    cr_assert_eq(bench.wish_count, 2); /* more than was wished for */
    cr_assert_eq(bench.wish.kinds.skus, 3);
    fake_loop_advance_us(bench.loop, 1000 * MS);
    sale_board_see(bench.board, &view);
    cr_assert_eq(bench.wish_count, 3);
    end(&bench);
}

Test(sale_board, an_offered_filter_lets_the_memory_speak)
{
    struct bench bench;
    struct board_sale *sale = NULL;
    struct buyer buyer;
    struct winners winners = {.sale = seven, .epoch = 1, .version = 2, .kinds = {.skus = 1}};

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(sale_board_ask(bench.board, seven, &sale), GATE_SALE_KNOWN);
    struct sale_view view = make_view(&bench, 0, 1);
    sale_board_see(bench.board, &view);
    winners.buyers = bloom_create(&(struct bloom_options){.expected_keys = 10, .error_ppm = 1000});
    sale_board_offer(bench.board, &winners);
    winners.sale = eight;
    sale_board_offer(bench.board, &winners); /* not ours: nothing */
    bloom_release(winners.buyers);
    cr_assert_eq(buyer_parse("b", 1, &buyer), ERR_OK);
    cr_assert_eq(sold_out_ask(&sale->memory, 0, &buyer, loop_clock_us(bench.loop)),
                 SOLD_OUT_SAY_SOLD_OUT);
    cr_assert_eq(sold_out_ask(&sale->memory, 1, &buyer, loop_clock_us(bench.loop)), SOLD_OUT_ASK);
    end(&bench);
}

/* --- polls --- */

Test(sale_board, a_sale_that_is_asked_for_is_polled_for_a_second)
{
    struct bench bench;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    fake_loop_advance_us(bench.loop, 400 * MS);
    cr_assert_eq(bench.stock->poll_count, 0); /* nobody asks */
    cr_assert_eq(ask(&bench, seven), GATE_SALE_KNOWN);
    fake_loop_advance_us(bench.loop, 1000 * MS);
    uint32_t polled = bench.stock->poll_count;
    cr_assert(polled >= 4 && polled <= 6, "polled %u times", polled);
    fake_loop_advance_us(bench.loop, 2000 * MS);
    cr_assert_leq(bench.stock->poll_count, polled + 1);
    end(&bench);
}

Test(sale_board, other_calls_of_the_sale_spare_the_poll)
{
    struct bench bench;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(ask(&bench, seven), GATE_SALE_KNOWN);
    for (int i = 0; i < 20; i++) {
        struct sale_view view = make_view(&bench, 3, 4);
        sale_board_see(bench.board, &view);
        fake_loop_advance_us(bench.loop, 40 * MS);
    }
    cr_assert_eq(bench.stock->poll_count, 0);
    end(&bench);
}

Test(sale_board, an_overdue_acknowledgement_gets_a_call_of_its_own)
{
    struct bench bench;

    begin(&bench);
    bench.outbox->overdue = (struct fake_ack){.sale = eight, .epoch = 9};
    bench.outbox->overdue_us = loop_clock_us(bench.loop);
    fake_loop_advance_us(bench.loop, 90 * MS);
    cr_assert_eq(bench.stock->poll_count, 0);
    fake_loop_advance_us(bench.loop, 60 * MS);
    cr_assert_geq(bench.stock->poll_count, 1);
    cr_assert_eq(bench.stock->last_poll.sale.value, 8);
    cr_assert_eq(bench.stock->last_poll.epoch, 9);
    end(&bench);
}

/* --- waiting for a reply --- */

Test(sale_board, who_waits_is_told_by_the_next_reply_or_at_the_deadline)
{
    struct bench bench;
    struct board_sale *sale = NULL;

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(sale_board_ask(bench.board, seven, &sale), GATE_SALE_KNOWN);
    int64_t deadline_us = loop_clock_us(bench.loop) + 1000 * MS;
    cr_assert_eq(sale_board_await(bench.board, sale, deadline_us, on_reply, &bench), ERR_OK);
    cr_assert_eq(bench.stock->poll_count, 1);
    struct sale_view view = make_view(&bench, 3, 4);
    sale_board_see(bench.board, &view);
    cr_assert(bench.told_count == 1 && bench.in_time);
    cr_assert_eq(sale_board_await(bench.board, sale, deadline_us, on_reply, &bench), ERR_OK);
    fake_loop_advance_us(bench.loop, 1000 * MS);
    cr_assert(bench.told_count == 2 && !bench.in_time);
    end(&bench);
}

Test(sale_board, who_waits_for_a_sale_that_is_rebuilt_is_told_at_once)
{
    struct bench bench;
    struct board_sale *sale = NULL;
    struct sale_view view = {.sale = seven, .status = SALE_VIEW_REBUILDING};

    begin(&bench);
    tell_catalogue(&bench, 1, 10);
    cr_assert_eq(sale_board_ask(bench.board, seven, &sale), GATE_SALE_KNOWN);
    int64_t deadline_us = loop_clock_us(bench.loop) + 1000 * MS;
    cr_assert_eq(sale_board_await(bench.board, sale, deadline_us, on_reply, &bench), ERR_OK);
    sale_board_see(bench.board, &view);
    cr_assert_eq(bench.told_count, 1);
    cr_assert_not(sale_board_is_fresh(bench.board, sale));
    end(&bench);
}
