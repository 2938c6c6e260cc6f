/* audit_sale: a sale at rest, as the audit has read it, for the tests of its judges.
 * Why:    each of them breaks one figure of the same sale.
 * Never:  reads a service.
 * Thread: that of the test; each Criterion test is a process of its own. */
#pragma once

#include "settlement/audit_data.h"

enum { AUDIT_SALE_TOTAL = 10 };
extern struct audit audit_sale;
extern struct audit_report audit_sale_report;

/* Of 10 units of each of two skus: orders 1 and 2 have one unit each of the first; MySQL has passed
 * four records. */
void audit_sale_begin(void);
void audit_sale_end(void);
void audit_sale_add(struct audit_list *list, uint64_t seq, uint64_t hash, char letter);
void audit_sale_judge(void); /* anew */
enum audit_result audit_sale_result(const char *id);
/* Judges; these ids are violated, and no other. */
void audit_sale_violates(const char *ids);
void audit_sale_not_told(const char *id, const char *why);
const char *audit_sale_found(const char *id);
