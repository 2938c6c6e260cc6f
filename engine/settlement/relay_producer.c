#include "settlement/relay_producer.h"

#include "common/log.h"
#include "journal/producer_blocking.h"

enum { TOLD_S = 30 };

enum err relay_producer_ensure(struct producer_blocking **producer,
                               const struct producer_blocking_options *options)
{
    char error[KAFKA_CONF_ERROR_SIZE] = "";

    if (*producer) {
        return ERR_OK;
    }
    const enum err err = producer_blocking_create(options, error, producer);
    if (err != ERR_OK) {
        *producer = NULL;
        LOG_WARN_EVERY(TOLD_S, "relay_topic_refused", KV_STR("topic", options->topic),
                       KV_STR("why", error),
                       KV_STR("next", "what it is to be told stays in MySQL; tried again"));
    }
    return err;
}
