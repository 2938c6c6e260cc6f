#include "settlement/relay_producer.h"

#include <criterion/criterion.h>
#include <string.h>

#include "journal/producer_blocking.h"

static char there;
static uint32_t creates;
static bool is_bad;

enum err producer_blocking_create(const struct producer_blocking_options *options,
                                  char error[static KAFKA_CONF_ERROR_SIZE],
                                  struct producer_blocking **ret_producer)
{
    cr_assert_str_eq(options->topic, "told");
    creates++;
    if (is_bad) {
        memcpy(error, "bad", sizeof "bad");
        return ERR_CONFIG;
    }
    *ret_producer = (struct producer_blocking *)&there;
    return ERR_OK;
}

Test(relay_producer, one_that_is_refused_is_tried_again_and_one_that_is_there_stays)
{
    const struct producer_blocking_options options = {.topic = "told"};
    struct producer_blocking *producer = NULL;

    is_bad = true;
    cr_assert_eq(relay_producer_ensure(&producer, &options), ERR_CONFIG);
    cr_assert_null(producer);
    is_bad = false;
    cr_assert_eq(relay_producer_ensure(&producer, &options), ERR_OK);
    cr_assert_eq((void *)producer, (void *)&there);
    cr_assert_eq(relay_producer_ensure(&producer, &options), ERR_OK);
    cr_assert_eq(creates, 2);
}
