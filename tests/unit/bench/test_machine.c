#include "bench/load/machine.h"

#include <criterion/criterion.h>
#include <string.h>

static void check(const char *cpuinfo, const char *expected)
{
    char text[256], model[16];

    snprintf(text, sizeof text, "%s", cpuinfo);
    FILE *file = fmemopen(text, strlen(text) + 1, "r");
    cr_assert_not_null(file);
    machine_cpu_model(file, model, sizeof model);
    cr_assert_str_eq(model, expected);
    fclose(file);
}

Test(machine, the_first_model_name_is_the_model)
{
    check("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU\nmodel name\t: Other\n",
          "Some CPU");
    check("processor\t: 0\nCPU architecture: 8\n", "");
    check("model name\t: A name that is much too long\n", "A name that is ");
}

Test(machine, this_one_has_cores_memory_and_a_kernel)
{
    struct machine machine;

    machine_read(&machine);
    cr_assert_gt(machine.cores, 0);
    cr_assert_gt(machine.memory_mb, 0);
    cr_assert_neq(machine.cpu[0], '\0');
    cr_assert_eq(strncmp(machine.kernel, "Linux ", 6), 0, "%s", machine.kernel);
}
