#include "settlement/relay_producer.h"

#include <criterion/criterion.h>
#include <string.h>

#include "journal/producer_blocking.h"

static char there;
static uint32_t creates;
static enum err create_err;

enum err producer_blocking_create(const struct producer_blocking_options *options,
                                  char error[static KAFKA_CONF_ERROR_SIZE],
                                  struct producer_blocking **ret_producer)
{
    cr_assert_str_eq(options->topic, "told");
    creates++;
    if (create_err == ERR_CONFIG) {
        memcpy(error, "bad", sizeof "bad");
    }
    if (create_err != ERR_OK) {
        return create_err;
    }
    *ret_producer = (struct producer_blocking *)&there;
    return ERR_OK;
}

Test(relay_producer, one_that_is_refused_is_tried_again_and_one_that_is_there_stays)
{
    const struct producer_blocking_options options = {.topic = "told"};
    struct producer_blocking *producer = NULL;

    char error[KAFKA_CONF_ERROR_SIZE];

    create_err = ERR_CONFIG;
    cr_assert_eq(relay_producer_ensure(&producer, &options, error), ERR_CONFIG);
    cr_assert_null(producer);
    cr_assert_str_eq(error, "bad");
    create_err = ERR_NO_MEMORY;
    cr_assert_eq(relay_producer_ensure(&producer, &options, error), ERR_NO_MEMORY);
    cr_assert_str_eq(error, err_text(ERR_NO_MEMORY), "the log says why");
    create_err = ERR_OK;
    cr_assert_eq(relay_producer_ensure(&producer, &options, error), ERR_OK);
    cr_assert_eq((void *)producer, (void *)&there);
    cr_assert_eq(relay_producer_ensure(&producer, &options, error), ERR_OK);
    cr_assert_eq(creates, 3);
}
