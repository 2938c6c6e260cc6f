#include "capacity_command.h"

#include <getopt.h>
#include <stdio.h>

#include "capacity_print.h"
#include "option_value.h"

enum {
    STATUS_DONE = 0,
    STATUS_DOES_NOT_FIT = 1,
    STATUS_USAGE = 2,
    STATUS_NOT_MEASURED = 3,
    ORDERS_MAX = 1000000000,
    SETTLE_WITHIN_S = 60,
    CONSUMERS = 2, /* the worker's default */
    RATE_MAX = 1000000000,
    FACTOR_MAX = 1000000,
    DAY_S = 86400,
};

static const char help[] =
    "usage: seckill-bench plan --baseline-qps N --factor F --headroom H --measured FILE\n"
    "                          --orders N [OPTION]...\n"
    "Tells how many engines, how much Redis memory, how many partitions and workers a sale needs, "
    "with\n"
    "the arithmetic.\n"
    "\n"
    "the sale\n"
    "  --baseline-qps N     attempts a second on a usual day\n"
    "  --factor F           the peak in baselines\n"
    "  --headroom H         share of everything that stays free at the peak, 0.3 say\n"
    "  --orders N           orders of the sale, at most; --stock N is the same: a unit each\n"
    "  --settle-within S    every order is a row so long after it was won (default 60)\n"
    "\n"
    "what was measured\n"
    "  --measured FILE      a report of seckill-bench --json, with --cpu and --worker\n"
    "  --engine NAME        of the engines in its --cpu (default engine)\n"
    "  --redis NAME         of Redis (default redis)\n"
    "  --settle-rate N      orders a second of one busy consumer, if the report has none\n"
    "  --bytes-per-order N  in Redis, if the report has none (default 350)\n"
    "\n"
    "the processes\n"
    "  --reactors N         of an engine: http.reactors (default 1)\n"
    "  --consumers N        of a worker: worker.consumers (default 2)\n"
    "\n"
    "  --json FILE          the plan as JSON\n"
    "  --help\n"
    "\n"
    "exit status: 0 planned; 1 Redis does not fit, or FILE could not be written; 2 wrong use; 3 "
    "the\n"
    "report lacks what a plan needs\n";

enum option_number {
    OPTION_BASELINE = 256,
    OPTION_FACTOR,
    OPTION_HEADROOM,
    OPTION_ORDERS,
    OPTION_SETTLE_WITHIN,
    OPTION_MEASURED,
    OPTION_ENGINE,
    OPTION_REDIS,
    OPTION_SETTLE_RATE,
    OPTION_BYTES,
    OPTION_REACTORS,
    OPTION_CONSUMERS,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option names[] = {
    {"baseline-qps", required_argument, NULL, OPTION_BASELINE},
    {"factor", required_argument, NULL, OPTION_FACTOR},
    {"headroom", required_argument, NULL, OPTION_HEADROOM},
    {"orders", required_argument, NULL, OPTION_ORDERS},
    {"stock", required_argument, NULL, OPTION_ORDERS},
    {"settle-within", required_argument, NULL, OPTION_SETTLE_WITHIN},
    {"measured", required_argument, NULL, OPTION_MEASURED},
    {"engine", required_argument, NULL, OPTION_ENGINE},
    {"redis", required_argument, NULL, OPTION_REDIS},
    {"settle-rate", required_argument, NULL, OPTION_SETTLE_RATE},
    {"bytes-per-order", required_argument, NULL, OPTION_BYTES},
    {"reactors", required_argument, NULL, OPTION_REACTORS},
    {"consumers", required_argument, NULL, OPTION_CONSUMERS},
    {"json", required_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

struct command {
    struct capacity_question question;
    struct capacity_sources sources;
    uint32_t orders, bytes; /* 0: not given */
    const char *json;
    bool headroom_given, help;
};

static bool above_zero(double value, const char *what, const char *text)
{
    return value > 0 || option_complain(what, text);
}

static bool take(struct command *command, int option, const char *text)
{
    struct capacity_question *q = &command->question;

    switch (option) {
    case OPTION_BASELINE:
        return option_real(text, RATE_MAX, "--baseline-qps", &q->baseline_qps)
               && above_zero(q->baseline_qps, "--baseline-qps is above zero, not", text);
    case OPTION_FACTOR:
        return option_real(text, FACTOR_MAX, "--factor", &q->factor)
               && above_zero(q->factor, "--factor is above zero, not", text);
    case OPTION_HEADROOM:
        command->headroom_given = true;
        return option_real(text, 0.95, "--headroom", &q->headroom);
    case OPTION_ORDERS: return option_u32(text, 1, ORDERS_MAX, "--orders", &command->orders);
    case OPTION_SETTLE_WITHIN:
        return option_real(text, DAY_S, "--settle-within", &q->settle_within_s)
               && above_zero(q->settle_within_s, "--settle-within is above zero, not", text);
    case OPTION_MEASURED: command->sources.report = text; return true;
    case OPTION_ENGINE: command->sources.engine = text; return true;
    case OPTION_REDIS: command->sources.redis = text; return true;
    case OPTION_SETTLE_RATE:
        command->sources.rate_told = true;
        return option_real(text, RATE_MAX, "--settle-rate", &q->orders_per_second)
               && above_zero(q->orders_per_second, "--settle-rate is above zero, not", text);
    case OPTION_BYTES: return option_u32(text, 1, 65536, "--bytes-per-order", &command->bytes);
    case OPTION_REACTORS: return option_u32(text, 1, 64, "--reactors", &q->reactors);
    case OPTION_CONSUMERS: return option_u32(text, 1, 32, "--consumers", &q->consumers);
    case OPTION_JSON: command->json = text; return true;
    case OPTION_HELP: command->help = true; return true;
    default: return false;
    }
}

static bool need(bool given, const char *what)
{
    if (!given) {
        fprintf(stderr, "seckill-bench plan: %s is needed (see plan --help)\n", what);
    }
    return given;
}

static bool read_command(int argc, char **argv, struct command *command)
{
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == '?' || !take(command, option, optarg)) {
            return false;
        }
    }
    if (command->help) {
        return true;
    }
    if (optind < argc) {
        return option_complain("what is", argv[optind]);
    }
    command->question.orders = command->orders;
    return need(command->question.baseline_qps > 0, "--baseline-qps")
           && need(command->question.factor > 0, "--factor")
           && need(command->headroom_given, "--headroom")
           && need(command->orders > 0, "--orders or --stock")
           && need(command->sources.report != NULL, "--measured");
}

/* What was told goes before what was measured, and that before what is assumed. */
static bool join(struct command *command, const struct measured *measured)
{
    struct capacity_question *q = &command->question;

    q->engine_us = measured->engine_us;
    q->redis_us = measured->redis_us;
    command->sources.bytes_told = command->bytes > 0;
    command->sources.bytes_measured = command->bytes == 0 && measured->bytes_per_order > 0;
    q->bytes_per_order = command->bytes > 0                ? command->bytes
                         : command->sources.bytes_measured ? measured->bytes_per_order
                                                           : CAPACITY_BYTES_PER_ORDER;
    if (!command->sources.rate_told && measured->orders_per_second < 0) {
        fprintf(stderr,
                "seckill-bench plan: %s has no settle.orders_per_second_per_consumer: measure with "
                "--worker URL, or tell it by --settle-rate\n",
                command->sources.report);
        return false;
    }
    if (!command->sources.rate_told) {
        q->orders_per_second = measured->orders_per_second;
    }
    return true;
}

static int plan(struct command *command)
{
    const struct capacity_sources *sources = &command->sources;
    char trouble[MEASURED_TROUBLE_SIZE];
    struct measured measured;
    struct capacity capacity;

    if (!measured_read(sources->report, sources->engine, sources->redis, &measured, trouble)) {
        fprintf(stderr, "seckill-bench plan: %s\n", trouble);
        return STATUS_NOT_MEASURED;
    }
    if (!join(command, &measured)) {
        return STATUS_NOT_MEASURED;
    }
    capacity_answer(&command->question, &capacity);
    capacity_print(&command->question, &capacity, &measured, sources);
    if (command->json
        && !capacity_write_json(&command->question, &capacity, &measured, sources, command->json)) {
        return STATUS_DOES_NOT_FIT;
    }
    return capacity.redis_fits ? STATUS_DONE : STATUS_DOES_NOT_FIT;
}

int capacity_command(int argc, char **argv)
{
    struct command command = {
        .question = {.settle_within_s = SETTLE_WITHIN_S, .reactors = 1, .consumers = CONSUMERS},
        .sources = {.engine = "engine", .redis = "redis"},
    };

    if (!read_command(argc, argv, &command)) {
        return STATUS_USAGE;
    }
    if (command.help) {
        fputs(help, stdout);
        return STATUS_DONE;
    }
    return plan(&command);
}
