#include "bin/reactor_causes.h"

#include <stdio.h>

#include "api/api_ops.h"
#include "bin/reactor.h"

enum { CATALOGUE_LATE_MS = 2000 };

typedef void add_fn(struct api_ops_causes *causes, const char *name, const char *detail);

static void add(add_fn *fn, struct api_ops_causes *causes, const char *name, uint32_t index,
                const char *what)
{
    char detail[REACTOR_TROUBLE_SIZE + 32];

    snprintf(detail, sizeof detail, "reactor %u: %s", (unsigned)index, what);
    fn(causes, name, detail);
}

static void add_cause(struct api_ops_causes *causes, const char *name, uint32_t index,
                      const char *what)
{
    add(api_ops_cause_add, causes, name, index, what);
}

void reactor_causes_add(const struct reactor_state *state, uint32_t index, bool is_strict,
                        struct api_ops_causes *causes)
{
    if (state == NULL) {
        add_cause(causes, "starting", index, "has not turned yet");
        return;
    }
    if (!state->is_link_up || state->link_trouble[0] != '\0') {
        add_cause(causes, "redis", index, state->link_trouble);
    } else if (state->is_catalogue_lost) {
        add_cause(causes, "catalogue", index, "is being rebuilt");
    } else if (state->is_catalogue_unread || state->catalogue_age_ms > CATALOGUE_LATE_MS) {
        add_cause(causes, "catalogue", index, "could not be read lately");
    }
    if (!state->is_log_ready) {
        add_cause(causes, "kafka", index, state->log_trouble);
    } else if (state->is_log_weak && is_strict) {
        add_cause(causes, "kafka-durability", index, state->log_trouble);
    }
    /* The engine sells all the same, and a balancer cannot help: it is missing for all engines. */
    if (!state->is_notices_ready || (state->is_notices_weak && is_strict)) {
        add(api_ops_warning_add, causes, "notices", index, state->notices_trouble);
    }
}
