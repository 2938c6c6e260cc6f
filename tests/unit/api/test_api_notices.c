#include "api/api_notices.h"

#include <criterion/criterion.h>

#include "support/fakes/fake_http.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_notices.h"

enum { ANSWER_MS = 3000, WAITS = 2, START_US = 5000000 };

static struct loop *loop;
static struct producer producer;
static struct api_notices *notices;
static int told_count, answer_count;
static struct api_notices_end last;

static void on_answered(void *arg, const struct fake_answer *answer)
{
    (void)arg;
    (void)answer;
    answer_count++;
}

/* As the callers do: whoever is told answers. */
static void on_told(void *arg, struct http_exchange *exchange, const struct api_notices_end *end)
{
    cr_assert_eq(arg, &told_count);
    told_count++;
    last = *end;
    http_reply(exchange, &(struct http_reply){.status = 200});
}

static void begin(void)
{
    loop = fake_loop_create(START_US);
    producer = (struct producer){.is_ready = true};
    notices = api_notices_create(&(struct api_notices_options){
        .loop = loop, .producer = &producer, .waits_max = WAITS, .answer_ms = ANSWER_MS});
    cr_assert_not_null(notices);
}

static void end(void)
{
    api_notices_destroy(notices); /* asserts that every slot came back */
    fake_loop_destroy(loop);      /* asserts that no timer runs */
}

TestSuite(api_notices, .init = begin, .fini = end);

static struct notice cancel(uint32_t seq)
{
    struct order_no order_no;
    struct buyer buyer;
    struct notice notice;

    cr_assert_eq(order_no_make((struct sale_id){7}, 1, seq, &order_no), ERR_OK);
    cr_assert_eq(buyer_parse("b", 1, &buyer), ERR_OK);
    notice_make_cancel(order_no, &buyer, 1000, &(struct traceparent){""}, &notice);
    return notice;
}

static enum err send(uint32_t seq, struct http_exchange **ret_exchange)
{
    struct notice notice = cancel(seq);

    *ret_exchange = fake_http_exchange(START_US, &(struct traceparent){""}, on_answered, NULL);
    return api_notices_send(notices, *ret_exchange, &notice, seq, on_told, &told_count);
}

static void send_well(uint32_t seq)
{
    struct http_exchange *exchange;

    cr_assert_eq(send(seq, &exchange), ERR_OK);
}

static void send_in_vain(enum err expected)
{
    struct http_exchange *exchange;

    cr_assert_eq(send(1, &exchange), expected);
    http_reply(exchange, &(struct http_reply){.status = 503});
}

Test(api_notices, a_report_read_behind_the_deadline_is_no_yes)
{
    send_well(1);
    fake_loop_stall_us(loop, ANSWER_MS * 1000); /* stopped while the report came */
    fake_notices_report(&producer, 0, ERR_OK);
    cr_assert_eq(told_count, 1);
    cr_assert_eq(last.status, ERR_LOST);
}

Test(api_notices, the_deadline_tells_and_the_report_behind_it_does_not)
{
    send_well(1);
    fake_loop_advance_us(loop, ANSWER_MS * 1000 - 1);
    cr_assert_eq(told_count, 0);
    fake_loop_advance_us(loop, 1);
    cr_assert_eq(told_count, 1);
    cr_assert_eq(last.status, ERR_LOST);
    fake_notices_report(&producer, 0, ERR_OK);
    cr_assert_eq(told_count, 1);
}

Test(api_notices, a_report_just_in_time_is_told)
{
    send_well(42);
    fake_loop_stall_us(loop, ANSWER_MS * 1000 - 1);
    fake_notices_report(&producer, 0, ERR_OK);
    cr_assert_eq(told_count, 1);
    cr_assert_eq(last.status, ERR_OK);
    cr_assert_eq(order_no_seq(last.order_no), 42);
    cr_assert_eq(last.mark, 42);
    fake_loop_advance_us(loop, ANSWER_MS * 1000);
    cr_assert_eq(told_count, 1);
}

Test(api_notices, a_failed_report_is_told_as_it_is)
{
    send_well(1);
    fake_notices_report(&producer, 0, ERR_LOST);
    cr_assert_eq(last.status, ERR_LOST);
    send_well(2);
    fake_notices_report(&producer, 1, ERR_REFUSED);
    cr_assert_eq(last.status, ERR_REFUSED);
    cr_assert_eq(told_count, 2);
}

Test(api_notices, those_that_wait_are_bounded_until_their_reports)
{
    send_well(1);
    send_well(2);
    send_in_vain(ERR_BUSY);
    fake_loop_advance_us(loop, ANSWER_MS * 1000);
    cr_assert_eq(told_count, 2);
    send_in_vain(ERR_BUSY); /* told, and still under way */
    fake_notices_report(&producer, 0, ERR_OK);
    fake_notices_report(&producer, 1, ERR_LOST);
    producer.refusal = ERR_UNAVAILABLE;
    send_in_vain(ERR_UNAVAILABLE);
    producer.refusal = ERR_OK;
    cr_assert_eq(told_count, 2);
    cr_assert_eq(answer_count, 5);
}

Test(api_notices, nobody_is_told_when_exchanges_die)
{
    struct http_exchange *exchange;

    cr_assert_eq(send(1, &exchange), ERR_OK);
    api_notices_mute(notices);
    fake_notices_report(&producer, 0, ERR_LOST);
    cr_assert_eq(told_count, 0);
    http_reply(exchange, &(struct http_reply){.status = 503}); /* the server's end */
}

Test(api_notices, are_taken_while_the_topic_is_ready)
{
    cr_assert(api_notices_are_taken(notices));
    producer.is_ready = false;
    cr_assert_not(api_notices_are_taken(notices));
}
