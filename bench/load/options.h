/* options: the command line of seckill-bench.
 * Why:    what is unclear or out of bounds is refused before anything is sent.
 * Never:  prints a secret.
 * Thread: the first. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTIONS_SKUS_MAX = 64,
    OPTIONS_TARGETS_MAX = 16,
    OPTIONS_CPUS_MAX = 8,
    OPTIONS_PIDS_MAX = 16,
    OPTIONS_NOTES_MAX = 32,
    OPTIONS_SECRET_MAX = 1024,
};

enum mode { MODE_PURCHASE, MODE_REPLAY, MODE_BAD_TOKEN, MODE_ORDERS, MODE_GET };

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
    const char *skus[OPTIONS_SKUS_MAX]; /* borrowed: argv */
    uint32_t sku_count;
    struct cpu_group cpus[OPTIONS_CPUS_MAX];
    uint32_t cpu_count;
    enum mode mode;
    bool closed, quiet;
    uint32_t sale, quantity;
    uint32_t rate, connections, threads, sources;
    uint32_t buyers;   /* 0: not given */
    double duration_s; /* 0: until every attempt was made */
    double warmup_s;
    uint32_t timeout_ms, late_ms;
    double twice, repeat, keyed;
    uint32_t again_after_ms;
    uint64_t seed;
    const char *prefix, *path;
    const char *kid, *issuer, *audience, *secret_file;
    const char *told, *json;              /* files, or NULL */
    const char *audit;                    /* a command, or NULL */
    const char *notes[OPTIONS_NOTES_MAX]; /* borrowed: argv */
    uint32_t note_count;
    uint32_t token_life_s;
    char secret[OPTIONS_SECRET_MAX];
    size_t secret_size;
};

/* True: go on. False: end with `*ret_status`, 0 after --help, 2 after a mistake told on stderr. */
bool options_read(int argc, char **argv, struct options *options, int *ret_status);
