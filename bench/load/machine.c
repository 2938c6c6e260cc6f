#include "machine.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { LINE_SIZE = 512, BYTES_PER_MB = 1 << 20 };

void machine_cpu_model(FILE *cpuinfo, char *model, size_t size)
{
    char line[LINE_SIZE];

    model[0] = '\0';
    while (fgets(line, sizeof line, cpuinfo)) {
        const char *colon = strchr(line, ':');
        if (colon && strncmp(line, "model name", 10) == 0) {
            colon += 1 + strspn(colon + 1, " \t");
            snprintf(model, size, "%.*s", (int)strcspn(colon, "\n"), colon);
            return;
        }
    }
}

void machine_read(struct machine *ret_machine)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGE_SIZE);
    struct utsname name = {0};
    FILE *cpuinfo = fopen("/proc/cpuinfo", "r");

    *ret_machine = (struct machine){.cores = cores > 0 ? (uint32_t)cores : 0};
    if (pages > 0 && page_size > 0) {
        ret_machine->memory_mb = (uint64_t)pages * (uint64_t)page_size / BYTES_PER_MB;
    }
    if (cpuinfo) {
        machine_cpu_model(cpuinfo, ret_machine->cpu, sizeof ret_machine->cpu);
        fclose(cpuinfo);
    }
    if (uname(&name) == 0) {
        snprintf(ret_machine->kernel, sizeof ret_machine->kernel, "%s %s %s", name.sysname,
                 name.release, name.machine);
        if (!ret_machine->cpu[0]) {
            snprintf(ret_machine->cpu, sizeof ret_machine->cpu, "%s", name.machine);
        }
    }
}
