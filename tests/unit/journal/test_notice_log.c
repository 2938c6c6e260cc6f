#include "journal/notice_log.h"

#include <criterion/criterion.h>
#include <string.h>

#include "codec/notice_event.h"
#include "journal/log_reader.h"
#include "loop/loop.h"
#include "unit/journal/mock_kafka.h"
#include "unit/journal/told.h"

enum { NOTICES = 20 };

static struct mock_kafka mock;
static struct loop *loop;
static struct producer *producer;
static struct told told;

static void begin(void)
{
    mock_kafka_init(&mock);
    loop = loop_create(&(struct loop_options){.name = "test"});
    producer = producer_create(&(struct producer_options){.loop = loop,
                                                          .brokers = mock.brokers,
                                                          .topic = "orders",
                                                          .client_name = "test",
                                                          .linger_ms = 1,
                                                          .message_timeout_ms = 15000,
                                                          .records_max = NOTICES});
    cr_assert_not_null(producer);
}

static void end(void)
{
    producer_destroy(producer);
    loop_destroy(loop);
    mock_kafka_finish(&mock);
}

TestSuite(notice_log, .init = begin, .fini = end, .timeout = 60);

static struct notice good(uint32_t seq)
{
    struct notice notice;
    struct order_no order_no;
    struct buyer buyer;

    cr_assert_eq(order_no_make((struct sale_id){7}, 1, seq, &order_no), ERR_OK);
    cr_assert_eq(buyer_parse("b", 1, &buyer), ERR_OK);
    notice_make_cancel(order_no, &buyer, 1000, &(struct traceparent){""}, &notice);
    return notice;
}

Test(notice_log, a_notice_that_breaks_its_bounds_is_refused_at_the_door)
{
    struct notice notice = good(1);

    notice.event_id[0] = '\0';
    cr_assert_eq(notice_log_append(producer, &notice, told_on_done, &told), ERR_RANGE);
    cr_assert_eq(producer_inflight_count(producer), 0);
}

/* Where the notices of each of two orders lie: one bit a partition. */
struct places {
    uint32_t partitions[3];
    int count;
};

static enum err on_record(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t size)
{
    struct places *places = arg;
    struct notice notice;

    (void)offset;
    cr_assert_eq(notice_event_read(payload, size, &notice, NULL), RECORD_FAULT_NONE);
    places->partitions[order_no_seq(notice.order_no)] |= 1U << partition;
    places->count++;
    return ERR_OK;
}

Test(notice_log, the_notices_of_one_order_stay_in_one_partition)
{
    char error[LOG_READER_TEXT_SIZE];
    struct places places = {0};
    uint64_t count = 0;

    for (uint32_t i = 0; i < NOTICES; i++) {
        struct notice notice = good(1 + i % 2);

        cr_assert_eq(notice_log_append(producer, &notice, told_on_done, &told), ERR_OK);
    }
    told_wait(&told, loop, NOTICES);
    cr_assert_eq(told.last, ERR_OK);
    cr_assert_eq(log_reader_run(&(struct log_reader_options){.brokers = mock.brokers,
                                                             .topic = "orders",
                                                             .timeout_ms = 20000},
                                on_record, &places, error, &count),
                 ERR_OK, "%s", error);
    cr_assert_eq(places.count, NOTICES);
    for (int i = 1; i <= 2; i++) {
        cr_assert(places.partitions[i] == 1 || places.partitions[i] == 2, "order %d", i);
    }
}
