#include "told.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 512 };

static int compare_told(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    const int by_buyer = strcmp(x->buyer, y->buyer);

    if (by_buyer != 0) {
        return by_buyer;
    }
    return (x->order_no > y->order_no) - (x->order_no < y->order_no);
}

static bool is_one_of(const char *text, const char *const words[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool told_add(struct told_list *list, const char *outcome, const char *buyer, uint64_t order_no)
{
    static const char *const wins[] = {"accepted", "replayed"};
    static const char *const unknowns[] = {"outcome-unknown", "lost",       "timeout",
                                           "malformed",       "unexpected", "internal"};
    const bool won = is_one_of(outcome, wins, sizeof wins / sizeof wins[0]);

    if (!won && !is_one_of(outcome, unknowns, sizeof unknowns / sizeof unknowns[0])) {
        return true;
    }
    if (won && order_no == 0) {
        return false;
    }
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : 1024;
        struct told *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown) {
            return false;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    struct told *told = &list->items[list->count++];
    memset(told, 0, sizeof *told);
    snprintf(told->buyer, sizeof told->buyer, "%s", buyer);
    told->order_no = won ? order_no : 0;
    return true;
}

bool told_read(const char *program, const char *path, struct told_list *list)
{
    char line[LINE_SIZE];
    char outcome[64], buyer[65], order_no[32];
    FILE *file = fopen(path, "r");
    bool good = file != NULL;

    for (size_t number = 1; good && fgets(line, sizeof line, file); number++) {
        good = sscanf(line, "%63s %64s %31s", outcome, buyer, order_no) == 3
               && told_add(list, outcome, buyer, strtoull(order_no, NULL, 10));
        if (!good) {
            fprintf(stderr, "%s: %s:%zu: not \"outcome buyer order_no\"\n", program, path, number);
        }
    }
    if (!file) {
        fprintf(stderr, "%s: %s: %s\n", program, path, strerror(errno));
    } else {
        if (ferror(file)) {
            fprintf(stderr, "%s: %s: %s\n", program, path, strerror(errno));
            good = false;
        }
        fclose(file);
    }
    return good;
}

void told_sort(struct told_list *list)
{
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare_told);
    }
}

bool told_is_same(const struct told *one, const struct told *two)
{
    return compare_told(one, two) == 0;
}

struct told *told_find(const struct told_list *list, const char *buyer, uint64_t order_no)
{
    struct told wanted = {.order_no = order_no};

    snprintf(wanted.buyer, sizeof wanted.buyer, "%s", buyer);
    return list->count ? bsearch(&wanted, list->items, list->count, sizeof wanted, compare_told)
                       : NULL;
}

void told_finish(struct told_list *list)
{
    free(list->items);
    *list = (struct told_list){0};
}
