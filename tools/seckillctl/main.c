/* seckillctl: the operator's command line, a thin client of the admin API (PROTOCOL §7). */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

const struct command commands_table[] = {
    {"sale", "create", "--file FILE | --name N --sku SKU:PRICE:STOCK …", "create a sale",
     sale_create, false},
    {"sale", "list", "", "all sales", sale_list, false},
    {"sale", "show", "SALE",
     "one sale: stock, state, load, orders by state with their money, the flow of its units",
     sale_show, false},
    {"sale", "load", "SALE… [--no-wait]", "load into Redis and open", sale_load, false},
    {"sale", "recover", "SALE… [--no-wait]",
     "load again by hand; the worker's guard does so by itself when Redis lost a sale",
     sale_recover, false},
    {"sale", "pause", "SALE", "stop selling; replays and reads go on", sale_pause, false},
    {"sale", "resume", "SALE", "sell again", sale_resume, false},
    {"sale", "end", "SALE", "end it for good", sale_end, false},
    {"sale", "unfreeze", "SALE [--paused] [--reason TEXT] [--force]",
     "sell again what an alarm has frozen, if the audit holds; --force needs a reason",
     sale_unfreeze, false},
    {"sale", "add-stock", "SALE SKU UNITS --ref REF", "add units, once per ref", sale_add_stock,
     false},
    {"order", "list", "[--sale N] [--buyer B] [--state S] [--after NO] [--limit N]", "orders",
     order_list, false},
    {"order", "show", "ORDER_NO", "one order, with its payments and times", order_show, false},
    {"order", "redrive", "ORDER_NO", "a QUARANTINED order becomes PENDING", order_redrive, false},
    {"order", "void", "ORDER_NO", "a QUARANTINED order becomes VOIDED, its units come back",
     order_void, false},
    {"order", "refund", "ORDER_NO [--restock] --reason TEXT",
     "a PAID order becomes REFUNDED; its units come back with --restock only. The money is the "
     "provider's matter",
     order_refund, false},
    {"payment", "list", "[--state S] [--after ID] [--limit N]",
     "payments that wait: PARKED, REFUND_DUE, QUARANTINED; or those of one state", payment_list,
     false},
    {"dead", "list", "[--open] [--after ID]", "records that could not become orders", dead_list,
     false},
    {"dead", "redrive", "ID", "read it again, and settle it if that can be done now", dead_redrive,
     false},
    {"dead", "close", "ID --reason TEXT",
     "put aside for good what cannot be settled; the reason is kept", dead_close, false},
    {"audit", "", "SALE [--told FILE]", "check Redis, Kafka and MySQL against each other",
     audit_sale, false},
    {"token", "", "--buyer ID [--ttl SECONDS]", "mint a buyer token for trying things out",
     token_mint, true},
};
const size_t commands_count = sizeof commands_table / sizeof commands_table[0];

static void print_help(FILE *out)
{
    fputs(
        "usage: seckillctl [--url URL] [--token-file FILE] [--json] COMMAND\n\n"
        "  --url URL          admin API (default $SECKILL_ADMIN_URL, else http://127.0.0.1:8082)\n"
        "  --token-file FILE  file with the admin token (default: $SECKILL_ADMIN_TOKEN)\n"
        "  --json             print the API's answer as it is\n\n",
        out);
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *command = &commands_table[i];
        fprintf(out, "  %s%s%s%s%s\n      %s\n", command->group, blank_before(command->verb),
                command->verb, blank_before(command->usage), command->usage, command->help);
    }
    fputs(
        "\nsale create also takes --sale N --currency CNY --opens now|+SECONDS|TIME --closes "
        "+SECONDS|TIME\n"
        "--limit N --pay-window SECONDS; token takes --secret-file, --kid, --issuer, --audience "
        "(default\n"
        "$SECKILL_JWT_SECRET_FILE, $SECKILL_JWT_KID, $SECKILL_JWT_ISSUER, $SECKILL_JWT_AUDIENCE).\n"
        "exit status: 0 done, 1 the audit found a violation or the load failed, 2 wrong use, 3 the "
        "API\n"
        "refused or could not be reached, 4 nothing is violated, but a check could not be told "
        "now\n",
        out);
}

static bool read_token(const char *path, char *token, size_t size)
{
    FILE *file = fopen(path, "r");
    const bool good = file && fgets(token, (int)size, file);

    if (!good) {
        const bool is_empty = file && !ferror(file);
        fprintf(stderr, "seckillctl: the token file %s: %s\n", path,
                is_empty ? "it is empty" : strerror(errno));
    }
    if (file) {
        fclose(file);
    }
    token[strcspn(token, "\r\n")] = '\0';
    return good;
}

static const struct command *find_command(int count, char **values, int *ret_words)
{
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *command = &commands_table[i];
        const bool group = count >= 1 && strcmp(values[0], command->group) == 0;
        const bool has_verb = *command->verb != '\0';
        if (group && (!has_verb || (count >= 2 && strcmp(values[1], command->verb) == 0))) {
            *ret_words = has_verb ? 2 : 1;
            return command;
        }
    }
    return NULL;
}

/* One line with the words that could stand there: the verbs of the group, or the groups. */
static void print_choices(int count, char **values)
{
    const char *before = NULL;
    bool is_group = false;

    for (size_t i = 0; i < commands_count; i++) {
        is_group |= count > 0 && strcmp(commands_table[i].group, values[0]) == 0;
    }
    if (count > is_group) {
        fprintf(stderr, "seckillctl: unknown %s \"%s\"; there is", is_group ? "verb" : "command",
                values[is_group]);
    } else {
        fprintf(stderr, "seckillctl: a %s is needed:", is_group ? "verb" : "command");
    }
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *command = &commands_table[i];
        const char *word = is_group ? command->verb : command->group;
        if ((is_group && strcmp(command->group, values[0]) != 0)
            || (before && strcmp(before, word) == 0)) {
            continue;
        }
        fprintf(stderr, "%s %s%s%s", before ? "," : "", is_group ? command->group : "",
                is_group ? " " : "", word);
        before = word;
    }
    fputs(" (see --help)\n", stderr);
}

struct settings {
    const char *url;
    const char *token_file;
    bool json;
    bool help;
    int rest; /* index of the first word of the command */
};

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Options may stand before the command, --json also behind it. */
static bool read_settings(int argc, char **argv, struct settings *settings)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            settings->json = true;
        } else if (is_help(argv[i])) {
            settings->help = true;
        } else if (strcmp(argv[i], "--url") == 0 && i + 1 < argc) {
            settings->url = argv[++i];
        } else if (strcmp(argv[i], "--token-file") == 0 && i + 1 < argc) {
            settings->token_file = argv[++i];
        } else {
            const bool is_known =
                strcmp(argv[i], "--url") == 0 || strcmp(argv[i], "--token-file") == 0;
            fprintf(stderr, "seckillctl: %s%s%s (see --help)\n", is_known ? "" : "unknown option ",
                    argv[i], is_known ? " needs a value" : "");
            return false;
        }
    }
    settings->rest = i;
    return true;
}

/* Takes --json and --help out of the command's own words. */
static int drop_common(int count, char **values, struct settings *settings)
{
    int kept = 0;

    for (int i = 0; i < count; i++) {
        if (strcmp(values[i], "--json") == 0) {
            settings->json = true;
        } else if (is_help(values[i])) {
            settings->help = true;
        } else {
            values[kept++] = values[i];
        }
    }
    return kept;
}

static int run(const struct settings *settings, const struct command *command,
               const struct arguments *arguments)
{
    char token[512] = "";
    const char *from_environment = getenv("SECKILL_ADMIN_TOKEN");

    if (settings->token_file && !read_token(settings->token_file, token, sizeof token)) {
        return EXIT_USAGE;
    }
    if (!settings->token_file && from_environment) {
        if (strlen(from_environment) >= sizeof token) {
            fputs("seckillctl: SECKILL_ADMIN_TOKEN is too long to be a token\n", stderr);
            return EXIT_USAGE;
        }
        snprintf(token, sizeof token, "%s", from_environment);
    }
    if (!command->offline && token[0] == '\0') {
        fputs("seckillctl: no admin token: give --token-file, or set SECKILL_ADMIN_TOKEN\n",
              stderr);
        return EXIT_USAGE;
    }
    const struct client client = {
        .url = settings->url, .token = token, .program = "seckillctl", .json = settings->json};
    return command->run(&client, arguments);
}

int main(int argc, char **argv)
{
    const char *url = getenv("SECKILL_ADMIN_URL");
    struct settings settings = {.url = url && *url ? url : "http://127.0.0.1:8082"};
    int words = 0;

    if (!read_settings(argc, argv, &settings)) {
        return EXIT_USAGE;
    }
    char **values = argv + settings.rest;
    const int count = drop_common(argc - settings.rest, values, &settings);
    if (settings.help) {
        print_help(stdout);
        return EXIT_DONE;
    }
    const struct command *command = find_command(count, values, &words);
    if (!command) {
        print_choices(count, values);
        return EXIT_USAGE;
    }
    const struct arguments arguments = {
        .command = command, .count = count - words, .values = values + words};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int status = run(&settings, command, &arguments);
    curl_global_cleanup();
    return status;
}
