#include "crew.h"

#include <stdio.h>
#include <time.h>

enum {
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
    LEAD_MS = 100, /* between `go` and the first attempt */
};

static bool start_threads(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->run->options->threads; i++) {
        crew->shooters[i] = shooter_create(crew->run, i);
        if (!crew->shooters[i]
            || pthread_create(&crew->threads[i], NULL, shooter_run, crew->shooters[i]) != 0) {
            fputs("seckill-bench: no memory for a thread\n", stderr);
            return false;
        }
        crew->count++;
    }
    return true;
}

static bool wait_ready(const struct crew *crew)
{
    const struct timespec pause = {0, NS_PER_MS};

    for (uint32_t i = 0; i < crew->count;) {
        switch (shooter_phase(crew->shooters[i])) {
        case SHOOTER_OPENING: nanosleep(&pause, NULL); break;
        case SHOOTER_FAILED:
            fprintf(stderr, "seckill-bench: %s\n", shooter_trouble(crew->shooters[i]));
            return false;
        case SHOOTER_READY:
        case SHOOTER_RUNNING:
        case SHOOTER_DONE: i++; break;
        }
    }
    return true;
}

bool crew_start(struct crew *crew, struct run *run)
{
    crew->run = run;
    return start_threads(crew) && wait_ready(crew);
}

void crew_go(struct crew *crew)
{
    const struct options *options = crew->run->options;
    struct run *run = crew->run;

    run->start_ns = shooter_now_ns() + (int64_t)LEAD_MS * NS_PER_MS;
    run->measure_ns = run->start_ns + (int64_t)(options->warmup_s * NS_PER_S);
    run->end_ns = options->duration_s > 0
                      ? run->start_ns + (int64_t)(options->duration_s * NS_PER_S)
                      : INT64_MAX;
    atomic_store(&run->go, true);
}

bool crew_is_done(const struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++) {
        if (shooter_phase(crew->shooters[i]) != SHOOTER_DONE) {
            return false;
        }
    }
    return true;
}

void crew_end(struct crew *crew)
{
    atomic_store(&crew->run->stop, true);
    for (uint32_t i = 0; i < crew->count; i++) {
        pthread_join(crew->threads[i], NULL);
    }
}

void crew_finish(struct crew *crew)
{
    for (uint32_t i = 0; i < CREW_MAX; i++) {
        shooter_destroy(crew->shooters[i]);
        crew->shooters[i] = NULL;
    }
    crew->count = 0;
}
