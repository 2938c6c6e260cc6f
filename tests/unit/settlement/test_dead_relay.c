#include "settlement/dead_relay.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/conf.h"
#include "journal/dead_log.h"
#include "ledger/dead_store.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "unit/settlement/quiet.h"

/* Fakes of what stands below: three letters in MySQL, and a topic that works or not. */
static struct {
    bool is_leading, topic_works, conf_is_bad;
    uint64_t marked[DEAD_PUBLISHED_MAX], put[DEAD_LOG_BATCH_MAX];
    size_t marked_count, put_count, creates, looks;
    enum err counts_err;
} world = {.is_leading = true, .topic_works = true};

struct dead_log {
    int unused;
};
static struct dead_log the_log;

enum err dead_log_create(const struct dead_log_options *options,
                         char error[static KAFKA_CONF_ERROR_SIZE], struct dead_log **ret_log)
{
    cr_assert_str_eq(options->topic, "dead");
    world.creates++;
    if (world.conf_is_bad) {
        memcpy(error, "bad", sizeof "bad");
        return ERR_CONFIG;
    }
    *ret_log = &the_log;
    return ERR_OK;
}

void dead_log_destroy(struct dead_log *log)
{
    cr_assert(log == NULL || log == &the_log);
}

enum err dead_log_put(struct dead_log *log, const struct dead_log_letter *letter)
{
    (void)log;
    world.put[world.put_count++] = letter->id;
    return ERR_OK;
}

size_t dead_log_wait(struct dead_log *log, uint32_t timeout_ms,
                     uint64_t ret_ids[static DEAD_LOG_BATCH_MAX])
{
    const size_t count = world.topic_works ? world.put_count : 0;

    (void)log;
    (void)timeout_ms;
    memcpy(ret_ids, world.put, count * sizeof *ret_ids);
    world.put_count = 0;
    return count;
}

const char *dead_log_trouble(const struct dead_log *log)
{
    (void)log;
    return "topic-text";
}

enum err dead_store_counts(struct mysql_link *link, struct dead_counts *ret_counts)
{
    (void)link;
    *ret_counts = (struct dead_counts){.open = 3, .unpublished = 3 - world.marked_count};
    return world.counts_err;
}

enum err dead_store_unpublished(struct mysql_link *link, uint32_t payload_max, uint32_t limit,
                                dead_letter_fn *each, void *arg)
{
    (void)link;
    cr_assert(payload_max <= DEAD_LOG_VALUE_MAX && limit <= DEAD_LOG_BATCH_MAX);
    world.looks++;
    for (uint64_t id = world.marked_count + 1; id <= 3; id++) {
        const struct dead_letter letter = {.id = id, .topic = "orders", .payload = ""};
        cr_assert_eq(each(arg, &letter), ERR_OK);
    }
    return ERR_OK;
}

enum err dead_store_mark_published(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    (void)link;
    memcpy(&world.marked[world.marked_count], ids, count * sizeof *ids);
    world.marked_count += count;
    return ERR_OK;
}

const char *dead_reason_name(enum dead_reason reason)
{
    (void)reason;
    return "unreadable";
}

enum err leader_try(struct mysql_link *link, const char *name, bool *ret_leading)
{
    (void)link;
    cr_assert_str_eq(name, "dead");
    *ret_leading = world.is_leading;
    return ERR_OK;
}

void mysql_link_drop(struct mysql_link *link)
{
    (void)link;
}

static struct conf conf;
static struct dead_relay *relay;

static void begin(void)
{
    const struct dead_relay_options options = {.conf = &conf};

    memcpy(conf.kafka_dead_topic, "dead", sizeof "dead");
    relay = dead_relay_create(&options);
    cr_assert(relay);
}

static void end(void)
{
    dead_relay_destroy(relay);
    dead_relay_destroy(NULL);
}

TestSuite(dead_relay, .init = begin, .fini = end);

Test(dead_relay, letters_that_the_topic_does_not_take_are_told_again)
{
    world.topic_works = false;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(dead_relay_round(relay), ERR_OK);
        cr_assert_eq(world.marked_count, 0);
    }
    cr_assert_eq(world.looks, 3);
    world.topic_works = true;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.marked_count == 3 && world.marked[0] == 1 && world.marked[2] == 3);
    cr_assert_eq(world.creates, 1);
}

Test(dead_relay, one_worker_alone_tells)
{
    world.is_leading = false;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.looks == 0 && world.creates == 0);
}

Test(dead_relay, nothing_to_tell_needs_no_kafka)
{
    world.marked_count = 3;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.looks == 0 && world.creates == 0);
}

Test(dead_relay, bad_settings_and_an_absent_database_wait)
{
    world.conf_is_bad = true;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.creates == 1 && world.looks == 0);
    world.counts_err = ERR_UNAVAILABLE;
    cr_assert_eq(dead_relay_round(relay), ERR_UNAVAILABLE);
}

Test(dead_relay, it_runs_until_it_is_stopped)
{
    quiet.sleeps_max = 3;
    dead_relay_run(relay);
    cr_assert_eq(world.marked_count, 3);
}
