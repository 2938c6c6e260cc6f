#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum { PATH_SIZE = 256 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_letters(const json_t *root)
{
    const json_t *letters = json_object_get(root, "dead_letters"), *letter;
    const json_t *next = json_object_get(root, "next");
    size_t index;

    if (json_array_size(letters) == 0) {
        puts("no dead letters");
    }
    json_array_foreach(letters, index, letter)
    {
        const bool is_open = !json_is_string(json_object_get(letter, "resolved_at"));
        printf("%-8" JSON_INTEGER_FORMAT " %s/%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT
               "  %-12s sale %" JSON_INTEGER_FORMAT "  order %s  %s  %" JSON_INTEGER_FORMAT
               " bytes  %s\n",
               number_of(letter, "id"), text_of(letter, "topic"), number_of(letter, "partition"),
               number_of(letter, "offset"), text_of(letter, "reason"), number_of(letter, "sale"),
               text_of(letter, "order_no"), text_of(letter, "created_at"),
               number_of(letter, "size"), is_open ? "open" : text_of(letter, "resolution"));
    }
    if (json_is_integer(next)) {
        printf("more: --after %" JSON_INTEGER_FORMAT "\n", json_integer_value(next));
    }
}

int dead_list(const struct client *client, const struct arguments *arguments)
{
    const char *after = option_value(arguments, "after");
    char path[PATH_SIZE];
    long long number = 0;

    if (!arguments_check(arguments, "open! after", 0)
        || (after && !whole_number("--after", after, 0, &number))) {
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "/v1/admin/dead-letters?after=%lld%s", number,
             option_given(arguments, "open") ? "&open=true" : "");
    return show(client, client_call(client, "GET", path, NULL), print_letters);
}

static void print_redrive(const json_t *root)
{
    printf("dead letter %" JSON_INTEGER_FORMAT "  order %s  %s%s\n", number_of(root, "id"),
           text_of(root, "order_no"), text_of(root, "resolution"),
           json_is_true(json_object_get(root, "repeated")) ? "  (before; nothing was changed)"
                                                           : "");
}

int dead_redrive(const struct client *client, const struct arguments *arguments)
{
    char path[PATH_SIZE];
    long long id = 0;

    if (!arguments_check(arguments, "", 1)
        || !whole_number("the dead letter's id", positional(arguments, 0), 1, &id)) {
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "/v1/admin/dead-letters/%lld/redrive", id);
    return show(client, client_call(client, "POST", path, NULL), print_redrive);
}

int dead_close(const struct client *client, const struct arguments *arguments)
{
    const char *reason = option_value(arguments, "reason");
    char path[PATH_SIZE];
    long long id = 0;

    if (!arguments_check(arguments, "reason", 1)
        || !whole_number("the dead letter's id", positional(arguments, 0), 1, &id)) {
        return EXIT_USAGE;
    }
    if (!reason) {
        fputs("seckillctl: --reason TEXT is needed: it is written into admin_log\n", stderr);
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "/v1/admin/dead-letters/%lld/close", id);
    json_t *body = json_pack("{s:s}", "reason", reason);
    json_t *letter = body ? client_call(client, "POST", path, body) : NULL;
    json_decref(body);
    return show(client, letter, print_redrive);
}
