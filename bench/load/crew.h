/* crew: the shooters of one run and their threads.
 * Why:    a run is started, looked on and ended in one way, whatever it is for.
 * Never:  reports.
 * Thread: the first.  Owner: the caller of crew_start(). */
#pragma once

#include <pthread.h>

#include "shooter.h"

enum { CREW_MAX = 64 };

struct crew {
    struct run *run; /* borrowed */
    struct shooter *shooters[CREW_MAX];
    pthread_t threads[CREW_MAX];
    uint32_t count;
};

/* Makes and starts them; all connections are open when it returns. False: told on stderr; the crew
 * is to be ended and finished, too. */
bool crew_start(struct crew *crew, struct run *run);
/* Sets the run's times and lets all begin. */
void crew_go(struct crew *crew);
bool crew_is_done(const struct crew *crew);
void crew_end(struct crew *crew); /* stops and joins all */
void crew_finish(struct crew *crew);
