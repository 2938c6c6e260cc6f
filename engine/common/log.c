/* Lines are made on the caller's thread and put into a ring of fixed slots: many producers, one
 * consumer, no lock. A slot's sequence tells whose turn it is: equal to the position, a producer
 * may fill it; one more, the writer may take it. A full ring drops the line. The writer waits on an
 * eventfd and writes only when poll() says that the descriptor takes it, so a full pipe stops
 * nobody, log_stop() neither. */
#include "common/log.h"

#include "common/assert.h"
#include "common/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LINE_SIZE = 1024,
    RING_LINES = 2048, /* a power of two */
    LINES_PER_SECOND = 10,
    CHUNK_SIZE = 4096, /* PIPE_BUF: a pipe that polls writable takes that much without blocking */
    RETRY_MS = 50,
};

struct slot {
    _Atomic uint64_t sequence;
    uint32_t size;
    char text[LINE_SIZE];
};

static struct {
    _Atomic int level;
    _Atomic int format;
    atomic_bool running;
    atomic_bool stopping;
    _Atomic int64_t stop_by_us; /* while stopping: give up then */
    _Atomic uint64_t dropped;
    _Atomic uint64_t head; /* next position to fill */
    uint64_t tail;         /* next position to write; the writer's */
    int fd;                /* borrowed */
    int wake_fd;           /* owned while running */
    pthread_t writer;
    struct slot slots[RING_LINES];
} ring = {.level = LOG_LEVEL_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

enum err log_level_parse(const char *text, enum log_level *ret_level)
{
    for (int i = 0; i <= LOG_LEVEL_ERROR; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

void log_set_level(enum log_level level)
{
    atomic_store(&ring.level, (int)level);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&ring.level, memory_order_relaxed);
}

uint64_t log_dropped_count(void)
{
    return atomic_load(&ring.dropped);
}

/* A line in the making; what does not fit is cut, but its end always has room. */
struct line {
    char text[LINE_SIZE];
    size_t size;
    bool json;
};

enum { LINE_END_SIZE = 3 }; /* `"}` or nothing, and the newline */

static bool put(struct line *line, const char *text, size_t size)
{
    if (size > LINE_SIZE - LINE_END_SIZE - 1 - line->size) {
        return false;
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
    return true;
}

/* One byte as it may stand in quotes; its size. */
static size_t escape(char c, char out[static 8])
{
    unsigned char byte = (unsigned char)c;

    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = c;
        return 2;
    }
    if (c == '\n') {
        out[0] = '\\';
        out[1] = 'n';
        return 2;
    }
    if (byte < 0x20 || byte == 0x7f) {
        return (size_t)snprintf(out, 8, "\\u%04x", byte);
    }
    out[0] = c;
    return 1;
}

static bool is_plain(const char *text)
{
    if (*text == '\0') {
        return false;
    }
    for (; *text; text++) {
        if (*text <= ' ' || *text == '"' || *text == '\\' || *text == '=' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static void put_string(struct line *line, const char *text)
{
    if (!line->json && is_plain(text)) {
        size_t size = strlen(text), room = LINE_SIZE - LINE_END_SIZE - 1 - line->size;

        (void)put(line, text, size < room ? size : room);
        return;
    }
    if (!put(line, "\"", 1)) {
        return;
    }
    for (; *text; text++) {
        char escaped[8];
        size_t size = escape(*text, escaped);

        /* One byte stays for the closing quote. */
        if (size + 1 > LINE_SIZE - LINE_END_SIZE - 1 - line->size || !put(line, escaped, size)) {
            break;
        }
    }
    (void)put(line, "\"", 1);
}

/* The key and what stands around it. False: no room; then the value must not follow. */
static bool put_key(struct line *line, const char *key)
{
    size_t key_size = strlen(key);
    size_t before = line->size;

    /* Room for the key, what is around it and at least an empty or short value. */
    if (key_size + 32 > LINE_SIZE - LINE_END_SIZE - 1 - line->size) {
        return false;
    }
    if (line->json) {
        return put(line, before == 0 ? "{\"" : ",\"", 2) && put(line, key, key_size)
               && put(line, "\":", 2);
    }
    return (before == 0 || put(line, " ", 1)) && put(line, key, key_size) && put(line, "=", 1);
}

static void put_field(struct line *line, const struct log_field *field)
{
    char number[24];

    if (!put_key(line, field->key)) {
        return;
    }
    switch (field->kind) {
    case LOG_FIELD_STR: put_string(line, field->text ? field->text : ""); return;
    case LOG_FIELD_U64: (void)snprintf(number, sizeof number, "%" PRIu64, field->u64); break;
    case LOG_FIELD_I64: (void)snprintf(number, sizeof number, "%" PRId64, field->i64); break;
    case LOG_FIELD_BOOL:
        (void)snprintf(number, sizeof number, "%s", field->u64 ? "true" : "false");
        break;
    }
    (void)put(line, number, strlen(number));
}

static void make_line(struct line *line, enum log_level level, const char *event,
                      const struct log_field *fields, size_t field_count, uint32_t suppressed)
{
    char time[CLOCK_TEXT_SIZE];

    line->size = 0;
    line->json = atomic_load(&ring.format) == LOG_FORMAT_JSON;
    put_field(line, &KV_STR("time", clock_format_rfc3339(clock_wall_ms(), time)));
    put_field(line, &KV_STR("level", level_names[level]));
    put_field(line, &KV_STR("event", event));
    if (suppressed > 0) {
        put_field(line, &KV_U64("suppressed", suppressed));
    }
    for (size_t i = 0; i < field_count; i++) {
        put_field(line, &fields[i]);
    }
    if (line->json) {
        line->text[line->size++] = '}';
    }
    line->text[line->size++] = '\n';
    ASSERT(line->size < LINE_SIZE);
}

static void wake_writer(void)
{
    uint64_t one = 1;

    /* EAGAIN: it has been woken more often than it can count. */
    if (write(ring.wake_fd, &one, sizeof one) < 0) {
        ASSERT(errno == EAGAIN || errno == EINTR);
    }
}

static void enqueue(const struct line *line)
{
    uint64_t position = atomic_load_explicit(&ring.head, memory_order_relaxed);
    struct slot *slot;

    for (;;) {
        uint64_t sequence;

        slot = &ring.slots[position % RING_LINES];
        sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        if (sequence < position) {
            atomic_fetch_add(&ring.dropped, 1);
            return;
        }
        if (sequence > position) {
            position = atomic_load_explicit(&ring.head, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&ring.head, &position, position + 1,
                                                         memory_order_relaxed,
                                                         memory_order_relaxed)) {
            break;
        }
    }
    memcpy(slot->text, line->text, line->size);
    slot->size = (uint32_t)line->size;
    atomic_store_explicit(&slot->sequence, position + 1, memory_order_release);
    wake_writer();
}

/* How many earlier lines this one stands for; -1: this one is suppressed as well. */
static int64_t pass_site(struct log_site *site)
{
    int64_t now_s = clock_mono_us() / 1000000 + 1; /* 0: never */

    if (site->every_s > 0) {
        int64_t last_s = atomic_load(&site->window_s);
        const bool is_due = last_s == 0 || now_s - last_s >= site->every_s;
        if (!is_due || !atomic_compare_exchange_strong(&site->window_s, &last_s, now_s)) {
            atomic_fetch_add(&site->suppressed, 1);
            return -1;
        }
        return (int64_t)atomic_exchange(&site->suppressed, 0);
    }
    if (atomic_exchange(&site->window_s, now_s) != now_s) {
        atomic_store(&site->in_window, 0);
    }
    if (atomic_fetch_add(&site->in_window, 1) >= LINES_PER_SECOND) {
        atomic_fetch_add(&site->suppressed, 1);
        return -1;
    }
    return (int64_t)atomic_exchange(&site->suppressed, 0);
}

void log_write(enum log_level level, struct log_site *site, const char *event,
               const struct log_field *fields, size_t field_count)
{
    int64_t suppressed = site ? pass_site(site) : 0;
    struct line line;

    if (suppressed < 0) {
        return;
    }
    make_line(&line, level, event, fields, field_count, (uint32_t)suppressed);
    if (atomic_load_explicit(&ring.running, memory_order_acquire)) {
        enqueue(&line);
        return;
    }
    if (write(STDERR_FILENO, line.text, line.size) < 0) {
        atomic_fetch_add(&ring.dropped, 1);
    }
}

/* The next line into `chunk`; false: none is ready, or it does not fit in any more. */
static bool take(char chunk[static CHUNK_SIZE], size_t *chunk_size)
{
    struct slot *slot = &ring.slots[ring.tail % RING_LINES];

    if (atomic_load_explicit(&slot->sequence, memory_order_acquire) != ring.tail + 1
        || slot->size > CHUNK_SIZE - *chunk_size) {
        return false;
    }
    memcpy(chunk + *chunk_size, slot->text, slot->size);
    *chunk_size += slot->size;
    atomic_store_explicit(&slot->sequence, ring.tail + RING_LINES, memory_order_release);
    ring.tail++;
    return true;
}

static bool too_late(void)
{
    return atomic_load(&ring.stopping) && clock_mono_us() >= atomic_load(&ring.stop_by_us);
}

/* All of `chunk`, unless log_stop()'s time is over or the descriptor is dead. */
static bool write_chunk(const char *chunk, size_t size)
{
    while (size > 0) {
        struct pollfd wait = {.fd = ring.fd, .events = POLLOUT};
        ssize_t written;

        if (too_late()) {
            return false;
        }
        if (poll(&wait, 1, RETRY_MS) <= 0) {
            continue;
        }
        written = write(ring.fd, chunk, size);
        if (written < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        if (written > 0) {
            chunk += written;
            size -= (size_t)written;
        }
    }
    return true;
}

static uint64_t count_lines(const char *chunk, size_t size)
{
    uint64_t count = 0;

    for (size_t i = 0; i < size; i++) {
        count += chunk[i] == '\n';
    }
    return count;
}

/* Writes all that is ready. */
static void drain(void)
{
    char chunk[CHUNK_SIZE];
    size_t size;

    do {
        size = 0;
        while (take(chunk, &size)) {
        }
        if (size > 0 && !write_chunk(chunk, size)) {
            atomic_fetch_add(&ring.dropped, count_lines(chunk, size));
        }
    } while (size > 0);
}

static void *writer_main(void *arg)
{
    uint64_t reported = 0;

    (void)arg;
    while (!atomic_load(&ring.stopping)) {
        struct pollfd wait = {.fd = ring.wake_fd, .events = POLLIN};
        uint64_t count;
        uint64_t dropped;

        if (poll(&wait, 1, -1) > 0 && read(ring.wake_fd, &count, sizeof count) < 0) {
            ASSERT(errno == EAGAIN || errno == EINTR);
        }
        drain();
        dropped = log_dropped_count();
        if (dropped > reported) {
            struct line line;

            make_line(&line, LOG_LEVEL_WARN, "log_lines_dropped",
                      &KV_U64("count", dropped - reported), 1, 0);
            reported = dropped;
            (void)write_chunk(line.text, line.size);
        }
    }
    drain();
    return NULL;
}

enum err log_start(int fd, enum log_level level, enum log_format format)
{
    ASSERT(!atomic_load(&ring.running));
    log_set_level(level);
    atomic_store(&ring.format, (int)format);
    ring.fd = fd;
    ring.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (ring.wake_fd < 0) {
        return ERR_NO_MEMORY;
    }
    for (uint64_t i = 0; i < RING_LINES; i++) {
        atomic_store(&ring.slots[i].sequence, i);
    }
    atomic_store(&ring.head, 0);
    ring.tail = 0;
    atomic_store(&ring.stopping, false);
    if (pthread_create(&ring.writer, NULL, writer_main, NULL) != 0) {
        (void)close(ring.wake_fd);
        return ERR_NO_MEMORY;
    }
    atomic_store_explicit(&ring.running, true, memory_order_release);
    return ERR_OK;
}

void log_stop(uint32_t timeout_ms)
{
    if (!atomic_load(&ring.running)) {
        return;
    }
    /* Other threads must be gone by now: a line of theirs would still go into the ring. */
    atomic_store(&ring.running, false);
    atomic_store(&ring.stop_by_us, clock_mono_us() + (int64_t)timeout_ms * 1000);
    atomic_store(&ring.stopping, true);
    wake_writer();
    (void)pthread_join(ring.writer, NULL);
    (void)close(ring.wake_fd);
}
