#include "token_ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "tools/common/token_sign.h"

enum { PAUSE_NS = 1000000 }; /* a full ring lasts longer at any rate */

struct token_ring {
    struct token_ring_options options;
    struct token_signer *signer; /* owned; the thread's */
    size_t token_size;
    char *tokens; /* owned; TOKEN_RING_SIZE of token_size */
    pthread_t thread;
    bool started;
    atomic_bool stop;
    _Alignas(64) atomic_uint_fast64_t signed_count; /* written by the signing thread */
    _Alignas(64) atomic_uint_fast64_t sent_count;   /* written by the shooter */
};

static char *slot(const struct token_ring *ring, uint64_t number)
{
    return ring->tokens + number % TOKEN_RING_SIZE * ring->token_size;
}

static bool has_room(const struct token_ring *ring, uint64_t count)
{
    return count - atomic_load_explicit(&ring->sent_count, memory_order_acquire) < TOKEN_RING_SIZE;
}

/* All tokens of a crowd have one size. */
static void *sign_all(void *arg)
{
    struct token_ring *ring = arg;
    const struct token_ring_options *options = &ring->options;
    const struct timespec pause = {0, PAUSE_NS};

    for (uint64_t n = 0; n < options->attempts; n++) {
        const uint64_t number = schedule_number(&options->schedule, n);
        while (!has_room(ring, n) && !atomic_load(&ring->stop)) {
            nanosleep(&pause, NULL);
        }
        if (atomic_load(&ring->stop)
            || !crowd_sign(options->crowd, ring->signer, plan_attempt(options->plan, number).buyer,
                           slot(ring, n))) {
            break;
        }
        atomic_store_explicit(&ring->signed_count, n + 1, memory_order_release);
    }
    return NULL;
}

struct token_ring *token_ring_create(const struct token_ring_options *options)
{
    struct token_ring *ring = aligned_alloc(_Alignof(struct token_ring), sizeof *ring);

    if (!ring) {
        return NULL;
    }
    *ring = (struct token_ring){.options = *options};
    ring->token_size = crowd_token_size(options->crowd);
    ring->signer = crowd_signer(options->crowd);
    ring->tokens = malloc(TOKEN_RING_SIZE * ring->token_size);
    if (ring->signer && ring->tokens) {
        ring->started = pthread_create(&ring->thread, NULL, sign_all, ring) == 0;
    }
    if (!ring->started) {
        token_ring_destroy(ring);
        return NULL;
    }
    return ring;
}

void token_ring_destroy(struct token_ring *ring)
{
    if (!ring) {
        return;
    }
    atomic_store(&ring->stop, true);
    if (ring->started) {
        pthread_join(ring->thread, NULL);
    }
    token_signer_destroy(ring->signer);
    free(ring->tokens);
    free(ring);
}

const char *token_ring_peek(const struct token_ring *ring, size_t *ret_size)
{
    const uint64_t sent = atomic_load_explicit(&ring->sent_count, memory_order_relaxed);

    if (atomic_load_explicit(&ring->signed_count, memory_order_acquire) == sent) {
        return NULL;
    }
    *ret_size = ring->token_size;
    return slot(ring, sent);
}

void token_ring_pop(struct token_ring *ring)
{
    const uint64_t sent = atomic_load_explicit(&ring->sent_count, memory_order_relaxed);
    atomic_store_explicit(&ring->sent_count, sent + 1, memory_order_release);
}

bool token_ring_is_full(const struct token_ring *ring)
{
    const uint64_t count = atomic_load_explicit(&ring->signed_count, memory_order_acquire);
    return count == ring->options.attempts || !has_room(ring, count);
}
