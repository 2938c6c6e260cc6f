/* engine: the reactors of a process, and the main thread that watches over them.
 * Why:    signals, the operations listener and readiness belong to nobody's reactor.
 * Never:  touches a reactor's parts; waits for a service to come up: readiness tells.
 * Thread: init's, which runs engine_run().  Owner: main. */
#pragma once

#include <stdbool.h>

#include "common/conf.h"
#include "common/err.h"

struct engine;

enum { ENGINE_ERROR_SIZE = 512 };

struct engine_options {
    const struct conf *conf;      /* borrowed, outlives the engine */
    bool is_degraded;             /* Redis was seen to promise less than the protocol asks */
    void (*on_hangup)(void *arg); /* SIGHUP, on the main thread */
    void *arg;
};
/* Binds all listeners. On failure `error` holds one line: ERR_CONFIG, ERR_IO, ERR_NO_MEMORY. */
MUST_CHECK enum err engine_create(const struct engine_options *options, struct engine **ret_engine,
                                  char error[static ENGINE_ERROR_SIZE]);
/* Until SIGTERM or SIGINT and the drain that follows (config drain.*); a second signal ends the
 * process at once. Otherwise `error` holds one line: ERR_NO_MEMORY; ERR_REFUSED: strict mode, and
 * Kafka promises too little. */
MUST_CHECK enum err engine_run(struct engine *engine, char error[static ENGINE_ERROR_SIZE]);
void engine_destroy(struct engine *engine); /* NULL is fine */
