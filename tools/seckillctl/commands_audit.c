#include "commands.h"
#include "tools/common/sale_audit.h"

static void print_audit(const json_t *root)
{
    sale_audit_print(root, stdout);
}

int audit_sale(const struct client *client, const struct arguments *arguments)
{
    unsigned long sale;
    struct told_list list = {0};
    const char *told_path = option_value(arguments, "told");
    int status = EXIT_USAGE;

    if (!arguments_check(arguments, "told", 1) || !sale_number(positional(arguments, 0), &sale)) {
        return EXIT_USAGE;
    }
    if (!told_path || told_read(client->program, told_path, &list)) {
        json_t *root = sale_audit(client, sale, told_path ? &list : NULL);
        const int verdict = sale_audit_is_violated(root)                ? EXIT_VIOLATED
                            : json_is_true(json_object_get(root, "ok")) ? EXIT_DONE
                                                                        : EXIT_NOT_TOLD;
        status = show(client, root, print_audit);
        status = status == EXIT_DONE ? verdict : status;
    }
    told_finish(&list);
    return status;
}
