#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"

enum {
    STATUS_USAGE = 2,
    SECRET_SIZE_MIN = 32,
    BUYERS_MAX = 99999999,
    BUYERS_DEFAULT = 100000,
    DAY_S = 86400,
};

static const char help[] =
    "usage: seckill-bench --url URL --sale N --sku SKU --secret-file FILE [OPTION]...\n"
    "Sends purchases of many signed buyers to seckilld and counts what they are told.\n"
    "\n"
    "where, what\n"
    "  --url URL            http://ADDRESS:PORT, numeric; repeated: connections take turns\n"
    "                       (default $SECKILL_URL)\n"
    "  --sale N             the sale\n"
    "  --sku SKU            repeated: buyers take turns (default a)\n"
    "  --quantity N         units of each purchase, 1 to 1000 (default 1)\n"
    "  --mode MODE          purchase; replay: every buyer has a key, run after run the same;\n"
    "                       bad-token: signatures are broken; orders: GET of one's orders;\n"
    "                       get: GET of --path, without a token (default purchase)\n"
    "  --path PATH          for --mode get (default /)\n"
    "\n"
    "how much\n"
    "  --rate N             open loop: attempts a second, whatever the server does (default 1000)\n"
    "  --closed             closed loop: each connection sends when it was answered\n"
    "  --buyers N           this many buyers, each as often as said below, then the end\n"
    "  --duration S         end after S seconds; buyers begin anew when all have tried\n"
    "  --warmup S           leave the first S seconds out of the report (default 0)\n"
    "  --connections N      kept alive (default 256)\n"
    "  --threads N          (default 1)\n"
    "  --sources N          loopback source addresses 127.0.0.1 to .N (default: one for each\n"
    "                       20000 connections)\n"
    "  --timeout MS         an answer that takes longer is a timeout (default 10000)\n"
    "  --late MS            a request sent this much after its time is late (default 10)\n"
    "\n"
    "the crowd\n"
    "  --twice SHARE        of the buyers try twice without a key, 0 to 1 (default 0)\n"
    "  --repeat SHARE       repeat with the same Idempotency-Key, 0 to 1 (default 0)\n"
    "  --keyed SHARE        of the others send a key, 0 to 1 (default 1)\n"
    "  --again-after MS     time to the second try (default 1000)\n"
    "  --prefix TEXT        of the buyers' names and keys (default buyer)\n"
    "  --seed N             who does what (default 1)\n"
    "\n"
    "tokens (HS256)\n"
    "  --secret-file FILE   the engine's jwt.secret_file (default $SECKILL_JWT_SECRET_FILE)\n"
    "  --kid, --issuer, --audience TEXT   (default $SECKILL_JWT_KID, $SECKILL_JWT_ISSUER,\n"
    "                       $SECKILL_JWT_AUDIENCE, else default, seckill, seckill)\n"
    "  --token-life S       (default 3600)\n"
    "\n"
    "results\n"
    "  --told FILE          one line for each answer: outcome buyer order_no\n"
    "  --json FILE          the report as JSON\n"
    "  --note TEXT          what the report is to say besides, servers' versions say; repeated\n"
    "  --audit COMMAND      run by the shell when --told is written; the report tells its verdict\n"
    "                       (status 0: holds)\n"
    "  --cpu NAME=PID[,PID] CPU time of these processes for each request; repeated\n"
    "  --quiet              no line each second\n"
    "  --help\n"
    "\n"
    "Latency counts from the time a request was meant to be sent, in a closed loop from its "
    "sending.\n"
    "exit status: 0 done; 1 some requests were lost, timed out, or refused as wrong; 2 wrong use;\n"
    "3 it could not start\n";

static bool complain(const char *what, const char *value)
{
    fprintf(stderr, "seckill-bench: %s \"%s\" (see --help)\n", what, value);
    return false;
}

static bool missing(const char *what)
{
    fprintf(stderr, "seckill-bench: %s is needed (see --help)\n", what);
    return false;
}

static bool read_u32(const char *text, uint32_t min, uint32_t max, const char *what, uint32_t *ret)
{
    char *end = NULL;

    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < min || value > max) {
        fprintf(stderr, "seckill-bench: %s is a number from %u to %u, not \"%s\"\n", what, min, max,
                text);
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

static bool read_real(const char *text, double max, const char *what, double *ret)
{
    char *end = NULL;
    const double value = strtod(text, &end);

    if (end == text || *end || !(value >= 0 && value <= max)) {
        fprintf(stderr, "seckill-bench: %s is a number from 0 to %g, not \"%s\"\n", what, max,
                text);
        return false;
    }
    *ret = value;
    return true;
}

static bool read_target(const char *text, struct options *options)
{
    struct target *target = &options->targets[options->target_count];
    const char *rest = strncmp(text, "http://", 7) == 0 ? text + 7 : "";
    const size_t size = strcspn(rest, "/");
    char host[64];
    uint32_t port = 0;

    if (options->target_count == OPTIONS_TARGETS_MAX) {
        return complain("too many --url, at", text);
    }
    if (size == 0 || size >= sizeof host || (rest[size] && strcmp(rest + size, "/") != 0)) {
        return complain("--url is http://ADDRESS:PORT, not", text);
    }
    memcpy(host, rest, size);
    host[size] = '\0';
    memcpy(target->host, host, size + 1);
    char *colon = strchr(host, ':');
    if (!colon) {
        return complain("--url needs a port:", text);
    }
    *colon = '\0';
    const char *address = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    target->address.sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &target->address.sin_addr) != 1) {
        return complain("--url needs a numeric IPv4 address:", text);
    }
    if (!read_u32(colon + 1, 1, 65535, "the port of --url", &port)) {
        return false;
    }
    target->address.sin_port = htons((uint16_t)port);
    options->target_count++;
    return true;
}

static bool read_sku(const char *text, struct options *options)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t size = strlen(text);

    if (size == 0 || size > 32 || strspn(text, letters) != size) {
        return complain("--sku is 1 to 32 of A-Z a-z 0-9 . _ -, not", text);
    }
    if (options->sku_count == OPTIONS_SKUS_MAX) {
        return complain("too many --sku, at", text);
    }
    options->skus[options->sku_count++] = text;
    return true;
}

/* NAME=PID[,PID]... */
static bool read_cpu(const char *text, struct options *options)
{
    struct cpu_group *group = &options->cpus[options->cpu_count];
    const char *equals = strchr(text, '=');
    const size_t size = equals ? (size_t)(equals - text) : 0;

    if (size == 0 || size >= sizeof group->name || options->cpu_count == OPTIONS_CPUS_MAX) {
        return complain("--cpu is NAME=PID[,PID], at most eight times, not", text);
    }
    memcpy(group->name, text, size);
    for (const char *at = equals; *at;) {
        char *end = NULL;
        const long pid = strtol(at + 1, &end, 10);
        if (end == at + 1 || pid <= 0 || (*end && *end != ',')
            || group->pid_count == OPTIONS_PIDS_MAX) {
            return complain("--cpu needs process ids:", text);
        }
        group->pids[group->pid_count++] = (int)pid;
        at = end;
    }
    options->cpu_count++;
    return true;
}

static bool take_note(const char *text, struct options *options)
{
    if (options->note_count == OPTIONS_NOTES_MAX) {
        return complain("too many --note, at", text);
    }
    options->notes[options->note_count++] = text;
    return true;
}

static bool read_mode(const char *text, enum mode *ret_mode)
{
    static const char *const names[] = {"purchase", "replay", "bad-token", "orders", "get"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_mode = (enum mode)i;
            return true;
        }
    }
    return complain("--mode is purchase, replay, bad-token, orders or get, not", text);
}

static bool read_secret(struct options *options)
{
    FILE *file = fopen(options->secret_file, "rb");

    if (!file) {
        fprintf(stderr, "seckill-bench: %s: %s\n", options->secret_file, strerror(errno));
        return false;
    }
    options->secret_size = fread(options->secret, 1, sizeof options->secret, file);
    fclose(file);
    if (options->secret_size && options->secret[options->secret_size - 1] == '\n') {
        options->secret_size--;
    }
    if (options->secret_size < SECRET_SIZE_MIN) {
        return complain("the secret has fewer than 32 bytes in", options->secret_file);
    }
    return true;
}

enum {
    OPTION_URL = 256,
    OPTION_SALE,
    OPTION_SKU,
    OPTION_QUANTITY,
    OPTION_MODE,
    OPTION_PATH,
    OPTION_RATE,
    OPTION_CLOSED,
    OPTION_BUYERS,
    OPTION_DURATION,
    OPTION_WARMUP,
    OPTION_CONNECTIONS,
    OPTION_THREADS,
    OPTION_SOURCES,
    OPTION_TIMEOUT,
    OPTION_LATE,
    OPTION_TWICE,
    OPTION_REPEAT,
    OPTION_KEYED,
    OPTION_AGAIN,
    OPTION_PREFIX,
    OPTION_SEED,
    OPTION_SECRET,
    OPTION_KID,
    OPTION_ISSUER,
    OPTION_AUDIENCE,
    OPTION_LIFE,
    OPTION_TOLD,
    OPTION_JSON,
    OPTION_NOTE,
    OPTION_AUDIT,
    OPTION_CPU,
    OPTION_QUIET,
    OPTION_HELP,
};

static const struct option names[] = {
    {"url", required_argument, NULL, OPTION_URL},
    {"sale", required_argument, NULL, OPTION_SALE},
    {"sku", required_argument, NULL, OPTION_SKU},
    {"quantity", required_argument, NULL, OPTION_QUANTITY},
    {"mode", required_argument, NULL, OPTION_MODE},
    {"path", required_argument, NULL, OPTION_PATH},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"closed", no_argument, NULL, OPTION_CLOSED},
    {"buyers", required_argument, NULL, OPTION_BUYERS},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"sources", required_argument, NULL, OPTION_SOURCES},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"late", required_argument, NULL, OPTION_LATE},
    {"twice", required_argument, NULL, OPTION_TWICE},
    {"repeat", required_argument, NULL, OPTION_REPEAT},
    {"keyed", required_argument, NULL, OPTION_KEYED},
    {"again-after", required_argument, NULL, OPTION_AGAIN},
    {"prefix", required_argument, NULL, OPTION_PREFIX},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"secret-file", required_argument, NULL, OPTION_SECRET},
    {"kid", required_argument, NULL, OPTION_KID},
    {"issuer", required_argument, NULL, OPTION_ISSUER},
    {"audience", required_argument, NULL, OPTION_AUDIENCE},
    {"token-life", required_argument, NULL, OPTION_LIFE},
    {"told", required_argument, NULL, OPTION_TOLD},
    {"json", required_argument, NULL, OPTION_JSON},
    {"note", required_argument, NULL, OPTION_NOTE},
    {"audit", required_argument, NULL, OPTION_AUDIT},
    {"cpu", required_argument, NULL, OPTION_CPU},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool take_load(struct options *o, int option, const char *text)
{
    uint32_t seed = 0;

    switch (option) {
    case OPTION_RATE: return read_u32(text, 1, 1000000, "--rate", &o->rate);
    case OPTION_CLOSED: o->closed = true; return true;
    case OPTION_BUYERS: return read_u32(text, 1, BUYERS_MAX, "--buyers", &o->buyers);
    case OPTION_DURATION: return read_real(text, 30 * DAY_S, "--duration", &o->duration_s);
    case OPTION_WARMUP: return read_real(text, DAY_S, "--warmup", &o->warmup_s);
    case OPTION_CONNECTIONS: return read_u32(text, 1, 1000000, "--connections", &o->connections);
    case OPTION_THREADS: return read_u32(text, 1, 64, "--threads", &o->threads);
    case OPTION_SOURCES: return read_u32(text, 1, 250, "--sources", &o->sources);
    case OPTION_TIMEOUT: return read_u32(text, 1, 600000, "--timeout", &o->timeout_ms);
    case OPTION_LATE: return read_u32(text, 1, 60000, "--late", &o->late_ms);
    case OPTION_TWICE: return read_real(text, 1, "--twice", &o->twice);
    case OPTION_REPEAT: return read_real(text, 1, "--repeat", &o->repeat);
    case OPTION_KEYED: return read_real(text, 1, "--keyed", &o->keyed);
    case OPTION_AGAIN: return read_u32(text, 0, 600000, "--again-after", &o->again_after_ms);
    case OPTION_SEED:
        if (!read_u32(text, 0, UINT32_MAX, "--seed", &seed)) {
            return false;
        }
        o->seed = seed;
        return true;
    default: return false;
    }
}

static bool take(struct options *o, int option, const char *text)
{
    switch (option) {
    case OPTION_URL: return read_target(text, o);
    case OPTION_SALE: return read_u32(text, 1, 8388607, "--sale", &o->sale);
    case OPTION_SKU: return read_sku(text, o);
    case OPTION_QUANTITY: return read_u32(text, 1, 1000, "--quantity", &o->quantity);
    case OPTION_MODE: return read_mode(text, &o->mode);
    case OPTION_PATH: o->path = text; return true;
    case OPTION_PREFIX: o->prefix = text; return true;
    case OPTION_SECRET: o->secret_file = text; return true;
    case OPTION_KID: o->kid = text; return true;
    case OPTION_ISSUER: o->issuer = text; return true;
    case OPTION_AUDIENCE: o->audience = text; return true;
    case OPTION_LIFE: return read_u32(text, 1, 30 * DAY_S, "--token-life", &o->token_life_s);
    case OPTION_TOLD: o->told = text; return true;
    case OPTION_JSON: o->json = text; return true;
    case OPTION_NOTE: return take_note(text, o);
    case OPTION_AUDIT: o->audit = text; return true;
    case OPTION_CPU: return read_cpu(text, o);
    case OPTION_QUIET: o->quiet = true; return true;
    default: return take_load(o, option, text);
    }
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static bool check_prefix(const char *prefix)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t size = strlen(prefix);

    return (size > 0 && size <= CROWD_PREFIX_MAX && strspn(prefix, letters) == size)
           || complain("--prefix is 1 to 40 of A-Z a-z 0-9 . _ -, not", prefix);
}

static bool check(struct options *o)
{
    const char *url = from_environment("SECKILL_URL", NULL);

    if (o->target_count == 0 && (!url || !read_target(url, o))) {
        return url ? false : missing("--url");
    }
    if (o->mode != MODE_GET && o->sale == 0) {
        return missing("--sale");
    }
    if (o->mode != MODE_GET && (!o->secret_file || !read_secret(o))) {
        return o->secret_file ? false : missing("--secret-file");
    }
    if (o->twice + o->repeat > 1) {
        return complain("--twice and --repeat together are more than", "1");
    }
    if (o->buyers == 0 && o->duration_s == 0) {
        return missing("--buyers or --duration");
    }
    if (o->duration_s > 0 && o->warmup_s >= o->duration_s) {
        return complain("--warmup leaves nothing of", "--duration");
    }
    if (o->connections < o->threads) {
        return missing("one of --connections for each of --threads");
    }
    if (o->mode == MODE_REPLAY) {
        o->keyed = 1, o->twice = 0, o->repeat = 0;
    }
    if (o->buyers == 0) {
        const double all = o->rate * o->duration_s;
        o->buyers = o->closed ? BUYERS_DEFAULT : all < BUYERS_MAX ? (uint32_t)all + 1 : BUYERS_MAX;
    }
    o->skus[0] = o->sku_count ? o->skus[0] : "a";
    o->sku_count = o->sku_count ? o->sku_count : 1;
    return check_prefix(o->prefix);
}

bool options_read(int argc, char **argv, struct options *options, int *ret_status)
{
    int option;

    *options = (struct options){
        .quantity = 1,
        .rate = 1000,
        .connections = 256,
        .threads = 1,
        .timeout_ms = 10000,
        .late_ms = 10,
        .keyed = 1,
        .again_after_ms = 1000,
        .seed = 1,
        .token_life_s = 3600,
        .prefix = "buyer",
        .path = "/",
        .kid = from_environment("SECKILL_JWT_KID", "default"),
        .issuer = from_environment("SECKILL_JWT_ISSUER", "seckill"),
        .audience = from_environment("SECKILL_JWT_AUDIENCE", "seckill"),
        .secret_file = from_environment("SECKILL_JWT_SECRET_FILE", NULL),
    };
    *ret_status = STATUS_USAGE;
    opterr = 1;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(help, stdout);
            *ret_status = 0;
            return false;
        }
        if (option == '?' || !take(options, option, optarg)) {
            return false;
        }
    }
    if (optind < argc) {
        return complain("what is", argv[optind]);
    }
    return check(options);
}
