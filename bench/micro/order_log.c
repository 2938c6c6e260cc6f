/* order_log: what does a record of the order log cost, and how long until its report?
 * Why:    kafka.linger_ms trades the broker's CPU against the buyer's wait; this prints both.
 *         order_log BROKERS TOPIC RECORDS_PER_SECOND SECONDS LINGER_MS [BROKER_PID]
 * Never:  part of the engine.
 * Thread: main. */
#include "journal/order_log.h"
#include "common/assert.h"
#include "common/clock.h"
#include "domain/order.h"
#include "loop/loop.h"
#include "loop/timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 1, LATENCIES_MAX = 4000000, WARM_UP_S = 2 };

struct bench {
    struct loop *loop;
    struct order_log *log;
    struct timer tick, stop;
    uint64_t rate;
    int64_t begin_us;
    uint64_t sent, done, failed, refused;
    int64_t sent_at_us[LATENCIES_MAX];
    uint32_t latency_us[LATENCIES_MAX];
};

static struct bench bench;

static void on_done(void *arg, enum err status)
{
    size_t index = (size_t)(uintptr_t)arg;

    bench.latency_us[bench.done++] = (uint32_t)(clock_mono_us() - bench.sent_at_us[index]);
    bench.failed += status == ERR_OK ? 0 : 1;
}

static void fill(struct order_record *record, uint64_t n)
{
    *record = (struct order_record){.version = 1, .quantity = 1, .unit_price = 199900};
    ASSERT(order_no_make((struct sale_id){7}, 1, (uint32_t)(n % SEQ_MAX) + 1, &record->order_no)
           == ERR_OK);
    record->buyer.size =
        (uint8_t)snprintf(record->buyer.text, sizeof record->buyer.text, "buyer-%08lu", n);
    ASSERT(sku_parse("phone-black", 11, &record->sku) == ERR_OK);
    memcpy(record->currency, "CNY", 4);
    memcpy(record->key_hash.hex, "0123456789abcdef0123456789abcdef", 33);
    record->won_at_ms = clock_wall_ms();
    record->pay_by_ms = record->won_at_ms + 900000;
    memcpy(record->traceparent.text, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 56);
}

static void on_tick(void *arg)
{
    uint64_t due = (uint64_t)(clock_mono_us() - bench.begin_us) * bench.rate / 1000000;
    struct order_record record;

    (void)arg;
    while (bench.sent < due && bench.sent < LATENCIES_MAX) {
        fill(&record, bench.sent);
        bench.sent_at_us[bench.sent] = clock_mono_us();
        if (order_log_append(bench.log, &record, on_done, (void *)(uintptr_t)bench.sent)
            != ERR_OK) {
            bench.refused++;
            break;
        }
        bench.sent++;
    }
    timer_start_ms(&bench.tick, TICK_MS);
}

static void on_stop(void *arg)
{
    (void)arg;
    loop_stop(bench.loop);
}

static int by_value(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

    return (one > other) - (one < other);
}

/* utime + stime of a process in microseconds; 0 without a pid. */
static int64_t cpu_of(const char *pid)
{
    char path[64], text[1024];
    unsigned long user, system;
    FILE *file;
    size_t size;

    if (!pid) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    file = fopen(path, "r");
    ASSERT(file);
    size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    ASSERT(sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                  &user, &system)
           == 2);
    return (int64_t)(user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

static void run_for(uint32_t seconds)
{
    timer_start_ms(&bench.stop, seconds * 1000);
    loop_run(bench.loop);
}

int main(int argc, char **argv)
{
    const char *broker_pid = argc > 6 ? argv[6] : NULL;
    uint64_t begun;
    int64_t own_us, broker_us;

    if (argc < 6) {
        (void)fprintf(
            stderr, "usage: order_log BROKERS TOPIC RECORDS_PER_SECOND SECONDS LINGER_MS [PID]\n");
        return 2;
    }
    bench.rate = strtoull(argv[3], NULL, 10);
    bench.loop = loop_create(&(struct loop_options){.name = "bench"});
    bench.log = order_log_create(&(struct order_log_options){
        .loop = bench.loop,
        .brokers = argv[1],
        .topic = argv[2],
        .client_name = "bench",
        .linger_ms = (uint32_t)strtoul(argv[5], NULL, 10),
        .message_timeout_ms = 5000,
        .records_max = 65536,
    });
    ASSERT(bench.loop && bench.log);
    timer_init(&bench.tick, bench.loop, on_tick, NULL);
    timer_init(&bench.stop, bench.loop, on_stop, NULL);
    bench.begin_us = clock_mono_us();
    timer_start_ms(&bench.tick, TICK_MS);
    run_for(WARM_UP_S);
    begun = bench.done;
    own_us = clock_process_cpu_us();
    broker_us = cpu_of(broker_pid);
    run_for((uint32_t)strtoul(argv[4], NULL, 10));
    own_us = clock_process_cpu_us() - own_us;
    broker_us = cpu_of(broker_pid) - broker_us;
    if (bench.done > begun) {
        uint64_t count = bench.done - begun;
        uint32_t *latency = bench.latency_us + begun;

        qsort(latency, count, sizeof *latency, by_value);
        printf("linger %s ms: %lu records, %lu failed, %lu refused, own CPU %.2f us, broker CPU "
               "%.2f us a record, "
               "report p50 %.2f ms, p99 %.2f ms\n",
               argv[5], count, bench.failed, bench.refused, (double)own_us / (double)count,
               (double)broker_us / (double)count, latency[count / 2] / 1e3,
               latency[count * 99 / 100] / 1e3);
    }
    timer_stop(&bench.tick);
    order_log_destroy(bench.log);
    loop_destroy(bench.loop);
    return bench.failed > 0;
}
