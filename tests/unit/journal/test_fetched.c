#include "journal/fetched.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>

Test(fetched, more_than_it_was_made_for_is_a_bug, .signal = SIGABRT)
{
    struct fetched fetched;
    rd_kafka_message_t messages[2] = {{.offset = 1}, {.offset = 2}};

    cr_assert(fetched_init(&fetched, 1));
    fetched_put(&fetched, &messages[0]);
    fetched_put(&fetched, &messages[1]);
}

Test(fetched, nothing_is_an_empty_batch)
{
    struct fetched fetched, zeroed = {0};

    cr_assert(fetched_init(&fetched, 3));
    cr_assert_eq(fetched_batch(&fetched).count, 0);
    fetched_release(&fetched);
    fetched_finish(&fetched);
    fetched_finish(&zeroed);
}
