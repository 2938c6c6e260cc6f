/* told: what buyers were told, as the load generator writes it down.
 * Why:    the truth of a sale is checked against what its buyers heard.
 * Never:  takes a lost answer for a no.
 * Thread: one list, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One answer that may stand for an order: a win, or an unknown. */
struct told {
    char buyer[65];
    uint64_t order_no; /* 0: the outcome is unknown */
    bool seen;         /* a row was found for it */
};
/* Zeroes are an empty list. */
struct told_list {
    struct told *items; /* owned */
    size_t count, capacity;
};

/* `outcome` is a code of outcome.def or problem.def, or lost, timeout, malformed, unexpected; what
 * cannot be an order is left out. False: no memory, or a win without its order. */
bool told_add(struct told_list *list, const char *outcome, const char *buyer, uint64_t order_no);
/* Lines "outcome buyer order_no" ("-": none). False: told on stderr, after "program: ". */
bool told_read(const char *program, const char *path, struct told_list *list);
/* To be called before told_find(). */
void told_sort(struct told_list *list);
/* One of those with this buyer and order; all of them stand side by side. NULL: there is none. */
struct told *told_find(const struct told_list *list, const char *buyer, uint64_t order_no);
bool told_is_same(const struct told *one, const struct told *two);
void told_finish(struct told_list *list);
