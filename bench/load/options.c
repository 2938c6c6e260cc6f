#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "option_value.h"
#include "options_help.h"
#include "scenario.h"

enum {
    STATUS_USAGE = 2,
    SECRET_SIZE_MIN = 32,
    BUYERS_DEFAULT = 100000,
    CONNECTIONS_PER_SOURCE = 20000,
    DAY_S = 86400,
};

enum option_number {
    OPTION_NONE = 255,
#define GROUP(title)
#define OPTION(name, text, value, where, help) OPTION_##name,
#include "options.def"
#undef OPTION
#undef GROUP
};

static const struct option names[] = {
#define GROUP(title)
#define OPTION(name, text, value, where, help)                                                     \
    {text, (value) != NULL ? required_argument : no_argument, NULL, OPTION_##name},
#include "options.def"
#undef OPTION
#undef GROUP
    {NULL, 0, NULL, 0},
};
enum { NAME_COUNT = sizeof names / sizeof names[0] - 1 };

static bool missing(const char *what)
{
    fprintf(stderr, "seckill-bench: %s is needed (see --help)\n", what);
    return false;
}

/* --- one option */

static bool read_share(const char *text, struct options *options, enum kind kind, const char *what)
{
    return option_real(text, 1, what, &options->shares[kind]);
}

static bool read_seed(const char *text, struct options *options)
{
    uint32_t seed = 0;
    const bool good = option_u32(text, 0, UINT32_MAX, "--seed", &seed);

    options->seed = seed;
    return good;
}

static bool read_note(const char *text, struct options *options)
{
    if (options->note_count == OPTIONS_NOTES_MAX) {
        return option_complain("too many --note, at", text);
    }
    options->notes[options->note_count++] = text;
    return true;
}

static bool read_admin_token(const char *path, struct options *options)
{
    FILE *file = fopen(path, "r");
    const bool good = file && fgets(options->admin_token, sizeof options->admin_token, file);

    if (!good) {
        fprintf(stderr, "seckill-bench: %s: %s\n", path,
                file && !ferror(file) ? "it is empty" : strerror(errno));
    }
    if (file) {
        fclose(file);
    }
    options->admin_token[strcspn(options->admin_token, "\r\n")] = '\0';
    return good;
}

static bool read_mode(const char *text, struct options *options)
{
    static const char *const modes[] = {"purchase", "replay", "bad-token", "orders", "get"};
    uint32_t mode = 0;
    const bool good = option_word(text, modes, sizeof modes / sizeof modes[0], "--mode", &mode);

    options->mode = (enum mode)mode;
    return good;
}

static bool read_sign(const char *text, struct options *options)
{
    static const char *const ways[] = {"ahead", "live"};
    uint32_t way = 0;
    const bool good = option_word(text, ways, sizeof ways / sizeof ways[0], "--sign", &way);

    options->sign_live = way == 1;
    return good;
}

static bool read_profile(const char *text, struct options *options)
{
    const char *profiles[PROFILE_COUNT];
    uint32_t profile = 0;

    for (uint32_t i = 0; i < PROFILE_COUNT; i++) {
        profiles[i] = profile_name((enum profile)i);
    }
    const bool good = option_word(text, profiles, PROFILE_COUNT, "--profile", &profile);
    options->profile = (enum profile)profile;
    return good;
}

static bool take_load(struct options *o, int option, const char *text)
{
    switch (option) {
    case OPTION_PROFILE: return read_profile(text, o);
    case OPTION_RATE: return option_u32(text, 1, 1000000, "--rate", &o->rate);
    case OPTION_CLOSED: o->closed = true; return true;
    case OPTION_BUYERS: return option_u32(text, 1, PLAN_BUYERS_MAX, "--buyers", &o->buyers);
    case OPTION_DURATION: return option_real(text, 30 * DAY_S, "--duration", &o->duration_s);
    case OPTION_WARMUP: return option_real(text, DAY_S, "--warmup", &o->warmup_s);
    case OPTION_CONNECTIONS: return option_u32(text, 1, 1000000, "--connections", &o->connections);
    case OPTION_THREADS: return option_u32(text, 1, 64, "--threads", &o->threads);
    case OPTION_RECONNECT: o->reconnect = true; return true;
    case OPTION_SOURCES: return option_sources(text, o);
    case OPTION_TIMEOUT: return option_u32(text, 1, 600000, "--timeout", &o->timeout_ms);
    case OPTION_LATE: return option_u32(text, 1, 60000, "--late", &o->late_ms);
    default: return false;
    }
}

static bool take_winners(struct options *o, int option, const char *text)
{
    switch (option) {
    case OPTION_PAY: return option_real(text, 1, "--pay", &o->pay);
    case OPTION_CANCEL: return option_real(text, 1, "--cancel", &o->cancel);
    case OPTION_AFTER: return option_u32(text, 0, 600000, "--after", &o->after_ms);
    case OPTION_PAY_WINDOW:
        return option_u32(text, 1, 30 * DAY_S, "--pay-window", &o->pay_window_s);
    case OPTION_PAYMENT_SECRET: o->payment_secret_file = text; return true;
    default: return take_load(o, option, text);
    }
}

static bool take_crowd(struct options *o, int option, const char *text)
{
    switch (option) {
    case OPTION_TWICE: return read_share(text, o, KIND_TWICE, "--twice");
    case OPTION_REPEAT: return read_share(text, o, KIND_REPEAT, "--repeat");
    case OPTION_CLICK: return read_share(text, o, KIND_CLICK, "--click");
    case OPTION_CLICKS: return option_u32(text, 2, PLAN_CLICKS_MAX, "--clicks", &o->clicks);
    case OPTION_DROP: return read_share(text, o, KIND_DROP, "--drop");
    case OPTION_BAD_TOKEN: return read_share(text, o, KIND_BAD_TOKEN, "--bad-token");
    case OPTION_UNKNOWN_SALE: return read_share(text, o, KIND_UNKNOWN_SALE, "--unknown-sale");
    case OPTION_KEYED: return option_real(text, 1, "--keyed", &o->keyed);
    case OPTION_AGAIN: return option_u32(text, 0, 600000, "--again-after", &o->again_after_ms);
    case OPTION_WIN_FIRST: o->win_first = true; return true;
    case OPTION_PREFIX: o->prefix = text; return true;
    case OPTION_SEED: return read_seed(text, o);
    default: return take_winners(o, option, text);
    }
}

static bool take(struct options *o, int option, const char *text)
{
    switch (option) {
    case OPTION_URL: return option_target(text, o);
    case OPTION_SCENARIO: return true; /* was read before all others */
    case OPTION_SALE: return option_u32(text, 1, OPTIONS_SALE_MAX, "--sale", &o->sale);
    case OPTION_SKU: return option_sku(text, o);
    case OPTION_QUANTITY: return option_u32(text, 1, 1000, "--quantity", &o->quantity);
    case OPTION_STOCK: return option_u32(text, 1, OPTIONS_STOCK_MAX, "--stock", &o->stock);
    case OPTION_LIMIT: return option_u32(text, 1, 1000, "--limit", &o->limit);
    case OPTION_ADMIN: o->admin = text; return true;
    case OPTION_ADMIN_TOKEN: return read_admin_token(text, o);
    case OPTION_MODE: return read_mode(text, o);
    case OPTION_PATH: o->path = text; return true;
    case OPTION_SECRET: o->secret_file = text; return true;
    case OPTION_KID: o->kid = text; return true;
    case OPTION_ISSUER: o->issuer = text; return true;
    case OPTION_AUDIENCE: o->audience = text; return true;
    case OPTION_SIGN: return read_sign(text, o);
    case OPTION_LIFE: return option_u32(text, 1, 30 * DAY_S, "--token-life", &o->token_life_s);
    case OPTION_TOLD: o->told = text; return true;
    case OPTION_JSON: o->json = text; return true;
    case OPTION_HTML: o->html = text; return true;
    case OPTION_WORKER: o->worker = text; return true;
    case OPTION_REDIS: o->redis = text; return true;
    case OPTION_NOTE: return read_note(text, o);
    case OPTION_AUDIT: o->audit = text; return true;
    case OPTION_CPU: return option_cpu(text, o);
    case OPTION_QUIET: o->quiet = true; return true;
    default: return take_crowd(o, option, text);
    }
}

/* --- all together */

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
        return option_complain("the secret has fewer than 32 bytes in", options->secret_file);
    }
    return true;
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
           || option_complain("--prefix is 1 to 40 of A-Z a-z 0-9 . _ -, not", prefix);
}

static bool check_crowd(const struct options *o)
{
    double sum = 0;

    for (uint32_t kind = 0; kind < KIND_COUNT; kind++) {
        sum += o->shares[kind];
    }
    if (sum > 1 + 1e-9) {
        fprintf(stderr, "seckill-bench: the shares of --twice, --repeat, --click, --drop, "
                        "--bad-token and --unknown-sale are more than 1 together (see --help)\n");
        return false;
    }
    return check_prefix(o->prefix);
}

static bool check_winners(const struct options *o)
{
    if (o->pay + o->cancel > 1 + 1e-9) {
        return option_complain("more than 1 together are --pay and", "--cancel");
    }
    if (o->pay > 0 && !o->payment_secret_file) {
        return missing("--payment-secret-file");
    }
    if ((o->pay > 0 || o->cancel > 0) && o->mode != MODE_PURCHASE) {
        return option_complain("--pay and --cancel need --mode", "purchase");
    }
    return o->cancel == 0 || !o->sign_live
           || option_complain("--cancel needs the buyers' tokens, so it needs --sign", "ahead");
}

static bool check_time(const struct options *o)
{
    if (o->buyers == 0 && o->duration_s == 0) {
        return missing("--buyers or --duration");
    }
    if (o->duration_s > 0 && o->warmup_s >= o->duration_s) {
        return option_complain("--warmup leaves nothing of", "--duration");
    }
    if (o->closed && o->profile != PROFILE_CONSTANT) {
        return option_complain("--closed has no times, so it has no", "--profile");
    }
    return o->connections >= o->threads || missing("one of --connections for each of --threads");
}

static bool check_admin(struct options *o)
{
    if (!o->admin) {
        return true;
    }
    if (!o->admin_token[0]) {
        const char *token = from_environment("SECKILL_ADMIN_TOKEN", "");
        snprintf(o->admin_token, sizeof o->admin_token, "%s", token);
    }
    if (!o->admin_token[0]) {
        return missing("--admin-token-file");
    }
    if (o->audit) {
        return option_complain("--admin asks for the audit itself: it needs no --audit", o->audit);
    }
    return o->stock > 0 || missing("--stock, for the sale that --admin makes,");
}

static bool check(struct options *o)
{
    const char *url = from_environment("SECKILL_URL", NULL);

    if (o->target_count == 0 && (!url || !option_target(url, o))) {
        return url ? false : missing("--url");
    }
    if (o->mode != MODE_GET && o->sale == 0 && !o->admin) {
        return missing("--sale");
    }
    if (o->mode != MODE_GET && (!o->secret_file || !read_secret(o))) {
        return o->secret_file ? false : missing("--secret-file");
    }
    if (o->win_first && o->mode != MODE_REPLAY) {
        return option_complain("--win-first needs --mode", "replay");
    }
    return check_time(o) && check_crowd(o) && check_winners(o) && check_admin(o);
}

/* What follows from the rest. */
static void complete(struct options *o)
{
    if (o->mode == MODE_REPLAY || o->mode == MODE_BAD_TOKEN) {
        memset(o->shares, 0, sizeof o->shares);
    }
    o->keep_told = o->told || o->admin;
    o->keyed = o->mode == MODE_REPLAY ? 1 : o->keyed;
    o->shares[KIND_BAD_TOKEN] = o->mode == MODE_BAD_TOKEN ? 1 : o->shares[KIND_BAD_TOKEN];
    if (o->buyers == 0) {
        const uint64_t all = schedule_attempts_in(o->profile, o->rate, o->duration_s) + 1;
        o->buyers = o->closed               ? BUYERS_DEFAULT
                    : all < PLAN_BUYERS_MAX ? (uint32_t)all
                                            : PLAN_BUYERS_MAX;
    }
    const bool is_loopback = ntohl(o->targets[0].address.sin_addr.s_addr) >> 24 == 127;
    if (is_loopback && o->source_count == 0 && o->connections >= CONNECTIONS_PER_SOURCE) {
        char count[16];
        snprintf(count, sizeof count, "%u", o->connections / CONNECTIONS_PER_SOURCE + 1);
        (void)option_sources(count, o);
    }
    o->skus[0] = o->sku_count ? o->skus[0] : "a";
    o->sku_count = o->sku_count ? o->sku_count : 1;
}

static void set_defaults(struct options *options)
{
    *options = (struct options){
        .quantity = 1,
        .limit = 1,
        .rate = 1000,
        .connections = 256,
        .threads = 1,
        .timeout_ms = 10000,
        .late_ms = 10,
        .keyed = 1,
        .clicks = 3,
        .again_after_ms = 1000,
        .after_ms = 500,
        .pay_window_s = 7 * DAY_S,
        .seed = 1,
        .token_life_s = 3600,
        .prefix = "buyer",
        .path = "/",
        .kid = from_environment("SECKILL_JWT_KID", "default"),
        .issuer = from_environment("SECKILL_JWT_ISSUER", "seckill"),
        .audience = from_environment("SECKILL_JWT_AUDIENCE", "seckill"),
        .secret_file = from_environment("SECKILL_JWT_SECRET_FILE", NULL),
        .payment_secret_file = from_environment("SECKILL_PAYMENT_SECRET_FILE", NULL),
    };
}

/* --- reading */

/* getopt's own texts are of several shapes, and name a program by its path. */
static bool refuse_word(int option, char **argv)
{
    const char *word = argv[optind - 1];

    if (option == ':') {
        fprintf(stderr, "seckill-bench: %s needs a value (see --help)\n", word);
        return false;
    }
    return option_complain(optopt > OPTION_NONE ? "no value belongs to" : "unknown option", word);
}

struct visit {
    struct options *options;
    const char *scenario; /* the last that was named */
    bool help;
};

/* Goes over the words once; `apply`: takes them, else it looks for --scenario and --help only. */
static bool read_words(int argc, char **argv, struct visit *visit, bool apply)
{
    int option;

    opterr = 0;
    optind = 0; /* GNU: begin anew */
    while ((option = getopt_long(argc, argv, ":", names, NULL)) != -1) {
        if (option == ':' || option == '?') {
            return refuse_word(option, argv);
        }
        visit->help = visit->help || option == OPTION_HELP;
        visit->scenario = option == OPTION_SCENARIO ? optarg : visit->scenario;
        if (apply && option != OPTION_HELP && !take(visit->options, option, optarg)) {
            return false;
        }
    }
    return optind == argc || option_complain("what is", argv[optind]);
}

/* A scenario's setting is an option that may stand in it. */
static bool take_setting(void *arg, const char *name, const char *value)
{
    static const bool in_scenario[NAME_COUNT] = {
#define GROUP(title)
#define ANYWHERE true
#define COMMAND false
#define OPTION(name, text, value, where, help) [OPTION_##name - OPTION_NONE - 1] = where,
#include "options.def"
#undef OPTION
#undef COMMAND
#undef ANYWHERE
#undef GROUP
    };
    struct visit *visit = arg;

    for (uint32_t i = 0; i < NAME_COUNT; i++) {
        if (strcmp(name, names[i].name) == 0 && in_scenario[i]) {
            if (names[i].has_arg == no_argument && *value) {
                return option_complain("true or false is the value of", name);
            }
            return take(visit->options, names[i].val, value);
        }
    }
    return option_complain("no setting of a scenario is", name);
}

/* The skus of the command line replace those of the scenario. */
static bool read_command(int argc, char **argv, struct visit *visit)
{
    struct options *options = visit->options;
    const struct options before = *options;

    options->sku_count = 0;
    if (!read_words(argc, argv, visit, true)) {
        return false;
    }
    if (options->sku_count == 0) {
        memcpy(options->skus, before.skus, sizeof before.skus);
        options->sku_count = before.sku_count;
    }
    return true;
}

bool options_read(int argc, char **argv, struct options *options, int *ret_status)
{
    struct visit visit = {.options = options};

    set_defaults(options);
    *ret_status = STATUS_USAGE;
    if (!read_words(argc, argv, &visit, false)) {
        return false;
    }
    if (visit.help) {
        options_help(stdout);
        *ret_status = 0;
        return false;
    }
    if (visit.scenario) {
        options->scenario = scenario_open(visit.scenario);
        if (!options->scenario || !scenario_read(options->scenario, take_setting, &visit)) {
            return false;
        }
    }
    if (!read_command(argc, argv, &visit) || !check(options)) {
        return false;
    }
    complete(options);
    return true;
}

void options_finish(struct options *options)
{
    scenario_close(options->scenario);
    options->scenario = NULL;
}
