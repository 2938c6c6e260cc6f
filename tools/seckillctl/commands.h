/* commands: the verbs of the command line, one function each.
 * Why:    parsing of arguments, the call and the printing of one verb stand together.
 * Never:  talks to MySQL, Redis or Kafka: the admin API does.
 * Thread: the only one. */
#pragma once

#include "tools/common/admin_client.h"

/* Exit statuses of the command line. */
enum { EXIT_DONE = 0, EXIT_VIOLATED = 1, EXIT_USAGE = 2, EXIT_FAILED_CALL = 3, EXIT_NOT_TOLD = 4 };

struct command;
struct arguments {
    const struct command *command; /* borrowed */
    int count;
    char **values; /* borrowed: what stands behind the verb */
};

/* Each returns the exit status. */
typedef int command_fn(const struct client *client, const struct arguments *arguments);

struct command {
    const char *group; /* "sale" */
    const char *verb;  /* "create"; "": the group is the whole command */
    const char *usage; /* arguments */
    const char *help;
    command_fn *run;
    bool offline; /* needs no admin API */
};

extern const struct command commands_table[];
extern const size_t commands_count;

command_fn sale_create, sale_list, sale_show, sale_load, sale_recover, sale_pause, sale_resume,
    sale_end, sale_unfreeze, sale_add_stock;
command_fn order_list, order_show, order_redrive, order_void, order_refund, payment_list, dead_list,
    dead_redrive, dead_close, audit_sale, token_mint;

/* The value behind `--name`, or NULL; exits never. `*ret_missing` is set when the option stands
 * without a value. */
const char *option_value(const struct arguments *arguments, const char *name);
bool option_given(const struct arguments *arguments, const char *name);
/* The nth argument that is neither an option nor an option's value; NULL: there is none. */
const char *positional(const struct arguments *arguments, int index);
/* False, with a line on stderr, when an option is not in `known` (space separated; a trailing
 * '!' marks a flag without value), an option lacks its value, or there are not `positionals`
 * other arguments. */
bool arguments_check(const struct arguments *arguments, const char *known, int positionals);
/* A number not below `min`, or false with a line on stderr. */
bool whole_number(const char *what, const char *text, long long min, long long *ret_number);
/* A sale number, or false with a line on stderr. */
bool sale_number(const char *text, unsigned long *ret_sale);
/* Puts those of the options that are given behind `path`, as a query; `names` ends with NULL.
 * False, with a line on stderr: too long. */
bool options_as_query(const struct arguments *arguments, const char *const *names, char *path,
                      size_t size);
/* "" or a blank and the text: what ends a line leaves no blank behind. */
const char *blank_before(const char *text);
/* A sale as the admin API shows it. */
void print_sale(const json_t *sale);
/* Prints `root` when --json was given, else runs `print`. Takes the reference. */
int show(const struct client *client, json_t *root, void (*print)(const json_t *root));
