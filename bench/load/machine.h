/* machine: what the load ran on, as far as the system tells it.
 * Why:    a number without its machine is worth nothing.
 * Never:  names the host or a user.
 * Thread: any. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct machine {
    uint32_t cores;
    uint64_t memory_mb;
    char cpu[128];    /* the model; the architecture if there is none */
    char kernel[200]; /* name, release, architecture */
};

void machine_read(struct machine *ret_machine);
/* The "model name" in the text of /proc/cpuinfo, into `model`, cut to its size; empty: none. */
void machine_cpu_model(FILE *cpuinfo, char *model, size_t size);
