#include <criterion/criterion.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/dead_store.h"

static void begin(struct mysql_link *link)
{
    cr_assert(mysql_link_ensure(link) == ERR_OK && mysql_link_begin(link) == ERR_OK);
}

struct read_letter {
    uint64_t id;
    size_t size;
    unsigned char last;
};

static enum err read_letter(void *arg, const struct dead_letter *letter)
{
    struct read_letter *read = arg;

    read->id = letter->id;
    read->size = letter->payload_size;
    read->last = ((const unsigned char *)letter->payload)[letter->payload_size - 1];
    return ERR_OK;
}

/* Of a list: without the payload. */
static enum err read_listed(void *arg, const struct dead_letter *letter)
{
    struct read_letter *read = arg;

    read->id = letter->id;
    read->size = letter->payload_size;
    cr_assert(((const char *)letter->payload)[0] == '\0');
    return ERR_OK;
}

Test(dead_store, keeps_the_bytes_once)
{
    struct mysql_link *link = fixture_link();
    static unsigned char bytes[300000];
    struct dead_letter letter = {.topic = fixture_topic(),
                                 .part = 1,
                                 .offset = 77,
                                 .sale = {8000000},
                                 .reason = DEAD_REASON_UNREADABLE,
                                 .payload = bytes,
                                 .payload_size = sizeof bytes};
    struct read_letter read = {.id = 0};
    uint64_t of_sale = 0, of_none = 0;

    memset(bytes, 0xff, sizeof bytes); /* no text in any character set */
    bytes[sizeof bytes - 1] = 0x80;
    begin(link);
    cr_assert(dead_store_put_in(link, &letter) == ERR_OK, "%s", mysql_link_error_text(link));
    cr_assert(dead_store_put_in(link, &letter) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(dead_store_open_count(link, letter.topic, letter.sale, &of_sale, &of_none) == ERR_OK);
    cr_assert(of_sale == 1);
    cr_assert(dead_store_open_count(link, "another", letter.sale, &of_sale, &of_none) == ERR_OK);
    cr_assert(of_sale == 0 && of_none == 0, "letters of another topic are no wins");
    cr_assert(dead_store_list(link, &(struct dead_filter){.limit = 1000}, read_listed, &read)
                  == ERR_OK
              && read.id > 0);
    read = (struct read_letter){.id = 0};
    cr_assert(dead_store_read(link, UINT32_MAX, read_letter, &read) == ERR_NOT_FOUND);
    cr_assert(dead_store_read(
                  link,
                  VALUE(link, "SELECT id FROM dead_letters WHERE sale = ?", letter.sale.value),
                  read_letter, &read)
              == ERR_OK);
    cr_assert(read.size == sizeof bytes && read.last == 0x80, "%zu bytes, the last is %d",
              read.size, read.last);
    mysql_link_destroy(link);
}

Test(dead_store, other_bytes_at_the_same_place_are_another_letter)
{
    struct mysql_link *link = fixture_link();
    struct dead_letter letter = {.topic = fixture_topic(),
                                 .part = 1,
                                 .offset = 78,
                                 .sale = {8000077},
                                 .reason = DEAD_REASON_UNREADABLE,
                                 .payload = "before",
                                 .payload_size = 6};

    begin(link);
    cr_assert(dead_store_put_in(link, &letter) == ERR_OK, "%s", mysql_link_error_text(link));
    cr_assert(mysql_link_commit(link) == ERR_OK);
    fixture_run(link, "UPDATE dead_letters SET resolved = 1 WHERE sale = 8000077");
    letter.payload = "behind"; /* the topic was made anew: its places begin again */
    begin(link);
    cr_assert(dead_store_put_in(link, &letter) == ERR_OK, "%s", mysql_link_error_text(link));
    cr_assert(dead_store_put_in(link, &letter) == ERR_OK, "%s", mysql_link_error_text(link));
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(VALUE(link, COUNT "dead_letters WHERE sale = ?", letter.sale.value) == 2);
    cr_assert(
        VALUE(link, COUNT "dead_letters WHERE sale = ? AND resolved IS NULL", letter.sale.value)
        == 1);
    mysql_link_destroy(link);
}

Test(dead_store, is_resolved_once)
{
    struct mysql_link *link = fixture_link();
    struct dead_letter letter = {.topic = fixture_topic(),
                                 .part = 1,
                                 .offset = 78,
                                 .sale = {8000001},
                                 .reason = DEAD_REASON_VALUE,
                                 .payload = "x",
                                 .payload_size = 1};
    struct read_letter read = {.id = 0};
    uint64_t id = 0, of_sale = 1, of_none = 0;

    begin(link);
    cr_assert(dead_store_put_in(link, &letter) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    id = VALUE(link, "SELECT id FROM dead_letters WHERE sale = ?", letter.sale.value);
    begin(link);
    cr_assert(dead_store_lock_in(link, id, read_letter, &read) == ERR_OK && read.id == id);
    cr_assert(dead_store_resolve_in(link, id, "ann: never told") == ERR_OK);
    cr_assert(dead_store_resolve_in(link, id, "bob: again") == ERR_NOT_FOUND);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(VALUE(link,
                    "SELECT COUNT(*) FROM dead_letters WHERE resolved IS NOT NULL AND "
                    "resolution = 'ann: never told' AND sale = ?",
                    letter.sale.value)
              == 1);
    cr_assert(dead_store_open_count(link, letter.topic, letter.sale, &of_sale, &of_none) == ERR_OK);
    cr_assert(of_sale == 0);
    read = (struct read_letter){.id = 0};
    cr_assert(dead_store_list(link, &(struct dead_filter){.after = id - 1, .limit = 1}, read_listed,
                              &read)
              == ERR_OK);
    cr_assert(read.id == id);
    read = (struct read_letter){.id = 0};
    cr_assert(dead_store_list(link,
                              &(struct dead_filter){.after = id - 1, .open_only = true, .limit = 1},
                              read_listed, &read)
              == ERR_OK);
    cr_assert(read.id != id);
    mysql_link_destroy(link);
}

static enum err count_untold(void *arg, const struct dead_letter *letter)
{
    struct read_letter *read = arg;

    if (letter->sale.value == 8000002) {
        read->id = letter->id;
        read->size = letter->payload_size;
        read->last = ((const unsigned char *)letter->payload)[0];
    }
    return ERR_OK;
}

Test(dead_store, is_untold_until_it_is_marked)
{
    struct mysql_link *link = fixture_link();
    struct dead_letter letter = {.topic = fixture_topic(),
                                 .part = 1,
                                 .offset = 79,
                                 .sale = {8000002},
                                 .reason = DEAD_REASON_VALUE,
                                 .payload = "xyz",
                                 .payload_size = 3};
    struct read_letter read = {.id = 0};
    struct dead_counts counts;

    begin(link);
    cr_assert(dead_store_put_in(link, &letter) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(dead_store_counts(link, &counts) == ERR_OK);
    cr_assert(counts.open >= 1 && counts.unpublished >= 1);
    cr_assert(dead_store_unpublished(link, 0, 2, 1000, count_untold, &read) == ERR_OK);
    cr_assert(read.id > 0 && read.size == 3 && read.last == 0, "too large: only its size");
    cr_assert(dead_store_unpublished(link, 0, 3, 1000, count_untold, &read) == ERR_OK);
    cr_assert(read.last == 'x');
    cr_assert(dead_store_mark_published(link, &read.id, 1) == ERR_OK);
    cr_assert(VALUE(link,
                    COUNT "dead_letters WHERE sale = ? AND published IS NOT NULL AND resolved "
                          "IS NULL",
                    letter.sale.value)
              == 1);
    read = (struct read_letter){.id = 0};
    cr_assert(dead_store_unpublished(link, 0, 3, 1000, count_untold, &read) == ERR_OK
              && read.id == 0);
    mysql_link_destroy(link);
}
