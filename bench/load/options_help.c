#include "options_help.h"

#include <string.h>

enum { INDENT = 2, COLUMN = 23 };

static const char head[] =
    "usage: seckill-bench --url URL --sale N|--admin URL --secret-file FILE [OPTION]...\n"
    "       seckill-bench plan --help\n"
    "Sends purchases of many signed buyers to seckilld and counts what they are told.\n";

static const char foot[] =
    "\n"
    "Latency counts from the time a request was meant to be sent, in a closed loop from its "
    "sending.\n"
    "exit status: 0 done; 1 some requests were lost, timed out, or refused as wrong, more was won "
    "than\n"
    "there was, or the audit does not hold; 2 wrong use; 3 it could not start\n";

struct line {
    const char *title; /* of a group; NULL: an option */
    const char *option, *value, *help;
};

static const struct line lines[] = {
#define GROUP(title) {title, NULL, NULL, NULL},
#define OPTION(name, text, value, where, help) {NULL, text, value, help},
#include "options.def"
#undef OPTION
#undef GROUP
};

static void print_option(FILE *out, const struct line *line)
{
    int at = fprintf(out, "%*s--%s%s%s", INDENT, "", line->option, line->value ? " " : "",
                     line->value ? line->value : "");

    if (line->help[0] && at >= COLUMN) {
        at = fprintf(out, "\n") - 1;
    }
    for (const char *text = line->help; *text;) {
        const int size = (int)strcspn(text, "\n");
        fprintf(out, "%*s%.*s", COLUMN - at, "", size, text);
        text += size + (text[size] == '\n');
        if (*text) {
            fputc('\n', out);
            at = 0;
        }
    }
    fputc('\n', out);
}

void options_help(FILE *out)
{
    fputs(head, out);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].title) {
            fprintf(out, "\n%s\n", lines[i].title);
        } else {
            print_option(out, &lines[i]);
        }
    }
    fputs(foot, out);
}
