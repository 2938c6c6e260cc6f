#include "capacity_print.h"

#include "json_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { REAL_DIGITS = 9 };

static void print_head(const struct capacity_question *question, const struct capacity *capacity,
                       const struct measured *measured, const struct capacity_sources *sources)
{
    printf("peak      %.10g attempts/s x %g = %.0f attempts/s\n", question->baseline_qps,
           question->factor, capacity->peak_qps);
    printf("headroom  %g %% stays free: %.2f of each core and of the memory is used at the peak\n",
           question->headroom * 100, capacity->usable);
    printf("measured  %s, %s: %.0f answers in %.1f s, %.1f %% accepted\n", sources->report,
           measured->started, (double)measured->answers, measured->seconds,
           measured->accepted * 100);
    puts(
        "assumed   the peak has the same mix of answers: measure the scenario that it will be like,"
        "\n          on the machines that it will run on");
    if (measured->accepted <= 0) {
        puts("WARNING   no order was accepted in the measured time: an accepted order costs more "
             "than\n          a refusal");
    }
    if (measured->errors) {
        printf("WARNING   %" PRIu64 " errors in the report\n", measured->errors);
    }
    if (measured->audit_failed) {
        puts("WARNING   the audit of that run does not hold");
    }
}

static void print_engines(const struct capacity_question *question, const struct capacity *capacity,
                          const struct capacity_sources *sources)
{
    printf("\nengines: %u\n", capacity->engines);
    printf("  measured  %.2f us of CPU a request (\"%s\")\n", question->engine_us, sources->engine);
    printf("  cores     %.0f/s x %.2f us = %.2f cores busy\n", capacity->peak_qps,
           question->engine_us, capacity->engine_cores);
    printf("  reactors  %.2f / %.2f = %.2f, rounded up: %u, each a thread on a core of its own\n",
           capacity->engine_cores, capacity->usable, capacity->reactors_exact, capacity->reactors);
    printf("  engines   %u / %u reactor%s an engine (--reactors), rounded up: %u\n",
           capacity->reactors, question->reactors, question->reactors == 1 ? "" : "s",
           capacity->engines);
}

static void print_redis(const struct capacity_question *question, const struct capacity *capacity,
                        const struct capacity_sources *sources)
{
    printf("\nRedis memory: %.0f MiB (maxmemory, for this sale)\n", (double)capacity->redis_mib);
    printf("  %s  %.0f bytes an order%s\n", sources->bytes_measured ? "measured" : "assumed ",
           question->bytes_per_order,
           sources->bytes_measured ? ""
           : sources->bytes_told   ? ", as told by --bytes-per-order"
                                   : ": long names of buyers, the outbox and fragmentation fit in");
    printf("  orders    %.0f x %.0f bytes = %.0f bytes\n", (double)question->orders,
           question->bytes_per_order, capacity->redis_bytes);
    printf("  room      %.0f / %.2f = %.0f bytes, rounded up: %.0f MiB\n", capacity->redis_bytes,
           capacity->usable, capacity->redis_bytes_exact, (double)capacity->redis_mib);
    if (capacity->redis_cores < 0) {
        printf("  CPU       NOT CHECKED: the report has no CPU time of \"%s\" (--cpu, --redis)\n",
               sources->redis);
        return;
    }
    printf("  CPU       %.0f/s x %.2f us = %.2f of the one core that decides a sale: %s %.2f\n",
           capacity->peak_qps, question->redis_us, capacity->redis_cores,
           capacity->redis_fits ? "within" : "DOES NOT FIT into", capacity->usable);
}

static void print_settling(const struct capacity_question *question,
                           const struct capacity *capacity, const struct capacity_sources *sources)
{
    printf("\npartitions of seckill.orders: %u   workers: %u\n", capacity->partitions,
           capacity->workers);
    printf("  assumed   every order is a row %g s after it was won (--settle-within); buyers are "
           "told before\n",
           question->settle_within_s);
    printf("  wanted    %.0f orders / %g s = %.0f orders/s\n", (double)question->orders,
           question->settle_within_s, capacity->settle_per_second);
    printf("  %s  one busy consumer settles %.0f orders/s\n",
           sources->rate_told ? "told    " : "measured", question->orders_per_second);
    printf("  consumers %.0f / (%.0f x %.2f) = %.2f, rounded up: %u\n", capacity->settle_per_second,
           question->orders_per_second, capacity->usable, capacity->consumers_exact,
           capacity->partitions);
    printf("  partition one for each consumer: a partition is read by one alone: %u\n",
           capacity->partitions);
    printf("  workers   %u / %u consumer%s a worker (--consumers), rounded up: %u\n",
           capacity->partitions, question->consumers, question->consumers == 1 ? "" : "s",
           capacity->workers);
}

void capacity_print(const struct capacity_question *question, const struct capacity *capacity,
                    const struct measured *measured, const struct capacity_sources *sources)
{
    print_head(question, capacity, measured, sources);
    print_engines(question, capacity, sources);
    print_redis(question, capacity, sources);
    print_settling(question, capacity, sources);
    puts("\nOne engine and one worker more, if one may fail. Redis needs as much memory again free "
         "while\nit rewrites its append-only file.");
}

static json_t *asked(const struct capacity_question *question)
{
    return json_pack("{s:f,s:f,s:f,s:I,s:f,s:I,s:I}", "baseline_qps", question->baseline_qps,
                     "factor", question->factor, "headroom", question->headroom, "orders",
                     (json_int_t)question->orders, "settle_within_s", question->settle_within_s,
                     "reactors_per_engine", (json_int_t)question->reactors, "consumers_per_worker",
                     (json_int_t)question->consumers);
}

static json_t *taken(const struct capacity_question *question, const struct measured *measured,
                     const struct capacity_sources *sources)
{
    return json_pack("{s:s,s:s,s:I,s:f,s:f,s:o,s:f,s:s,s:f,s:s}", "report", sources->report,
                     "started", measured->started, "answers", (json_int_t)measured->answers,
                     "accepted_share", measured->accepted, "engine_us_per_request",
                     question->engine_us, "redis_us_per_request",
                     question->redis_us < 0 ? json_null() : json_real(question->redis_us),
                     "bytes_per_order", question->bytes_per_order, "bytes_per_order_is",
                     sources->bytes_measured ? "measured"
                     : sources->bytes_told   ? "told"
                                             : "assumed",
                     "orders_per_second_per_consumer", question->orders_per_second,
                     "orders_per_second_per_consumer_is", sources->rate_told ? "told" : "measured");
}

static json_t *needed(const struct capacity *capacity)
{
    const bool known = capacity->redis_cores >= 0;

    return json_pack("{s:f,s:f,s:I,s:I,s:I,s:o,s:o,s:I,s:I,s:I}", "peak_qps", capacity->peak_qps,
                     "engine_cores", capacity->engine_cores, "reactors",
                     (json_int_t)capacity->reactors, "engines", (json_int_t)capacity->engines,
                     "redis_memory_mib", (json_int_t)capacity->redis_mib, "redis_cores",
                     known ? json_real(capacity->redis_cores) : json_null(), "redis_fits",
                     known ? json_boolean(capacity->redis_fits) : json_null(), "consumers",
                     (json_int_t)capacity->partitions, "partitions",
                     (json_int_t)capacity->partitions, "workers", (json_int_t)capacity->workers);
}

bool capacity_write_json(const struct capacity_question *question, const struct capacity *capacity,
                         const struct measured *measured, const struct capacity_sources *sources,
                         const char *path)
{
    json_t *root = json_pack("{s:o*,s:o*,s:o*}", "asked", asked(question), "measured",
                             taken(question, measured, sources), "needed", needed(capacity));

    return json_file_write(root, REAL_DIGITS, path);
}
