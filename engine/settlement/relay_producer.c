#include "settlement/relay_producer.h"

#include <stdio.h>

#include "journal/producer_blocking.h"

enum err relay_producer_ensure(struct producer_blocking **producer,
                               const struct producer_blocking_options *options,
                               char error[static KAFKA_CONF_ERROR_SIZE])
{
    if (*producer) {
        return ERR_OK;
    }
    error[0] = '\0';
    const enum err err = producer_blocking_create(options, error, producer);
    if (err != ERR_OK) {
        *producer = NULL;
        if (error[0] == '\0') {
            (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "%s", err_text(err));
        }
    }
    return err;
}
