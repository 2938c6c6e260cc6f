/* options: the command line of seckill-bench.
 * Why:    what is unclear or out of bounds is refused before anything is sent.
 * Never:  prints a secret.
 * Thread: the first. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "schedule.h"

enum {
    OPTIONS_SKUS_MAX = 64,
    OPTIONS_TARGETS_MAX = 16,
    OPTIONS_CPUS_MAX = 8,
    OPTIONS_PIDS_MAX = 16,
    OPTIONS_NOTES_MAX = 32,
    OPTIONS_SOURCES_MAX = 64,
    OPTIONS_SECRET_MAX = 1024,
    OPTIONS_TOKEN_SIZE = 512,
    OPTIONS_SALE_MAX = 8388607,
    OPTIONS_STOCK_MAX = 60000000,
};

enum mode { MODE_PURCHASE, MODE_REPLAY, MODE_BAD_TOKEN, MODE_ORDERS, MODE_GET };
struct scenario;

struct target {
    struct sockaddr_in address;
    char host[64]; /* for the Host field */
};
/* One or more processes whose CPU time is shown under one name. */
struct cpu_group {
    char name[32];
    uint32_t pid_count;
    int pids[OPTIONS_PIDS_MAX];
};

struct options {
    struct target targets[OPTIONS_TARGETS_MAX];
    uint32_t target_count;
    struct in_addr sources[OPTIONS_SOURCES_MAX]; /* to connect from */
    uint32_t source_count;                       /* 0: as the kernel chooses */
    const char *skus[OPTIONS_SKUS_MAX];          /* borrowed: argv, or the scenario */
    uint32_t sku_count;
    struct cpu_group cpus[OPTIONS_CPUS_MAX];
    uint32_t cpu_count;
    struct scenario *scenario; /* owned; NULL: none */
    enum mode mode;
    enum profile profile;
    bool closed, quiet, reconnect;
    bool win_first;    /* all buy once before the start */
    bool keep_told;    /* what was told is wanted, by a file or by the audit */
    const char *admin; /* URL of the admin API, which makes the sale; NULL: it is there */
    char admin_token[OPTIONS_TOKEN_SIZE];
    uint32_t limit; /* units a buyer, of that sale */
    bool sign_live; /* tokens are signed on the way, not before the start */
    uint32_t sale, quantity;
    uint32_t stock; /* units; 0: not known */
    uint32_t rate, connections, threads;
    uint32_t buyers;   /* 0: not given */
    double duration_s; /* 0: until every attempt was made */
    double warmup_s;
    uint32_t timeout_ms, late_ms;
    double shares[KIND_COUNT]; /* of the buyers; KIND_ONCE: the rest */
    double keyed;
    double pay, cancel; /* shares of the winners */
    uint32_t clicks, again_after_ms;
    uint32_t after_ms;     /* from a win to what its winner does next */
    uint32_t pay_window_s; /* of the sale that --admin makes */
    uint64_t seed;
    const char *prefix, *path;
    const char *kid, *issuer, *audience, *secret_file;
    const char *payment_secret_file;      /* or NULL */
    const char *told, *json, *html;       /* files, or NULL */
    const char *worker, *redis;           /* where they are, or NULL */
    const char *audit;                    /* a command, or NULL */
    const char *notes[OPTIONS_NOTES_MAX]; /* borrowed: argv */
    uint32_t note_count;
    uint32_t token_life_s;
    char secret[OPTIONS_SECRET_MAX];
    size_t secret_size;
};

/* True: go on. False: end with `*ret_status`, 0 after --help, 2 after a mistake told on stderr. */
bool options_read(int argc, char **argv, struct options *options, int *ret_status);
/* Also after options_read() was false. */
void options_finish(struct options *options);
