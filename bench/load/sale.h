/* sale: the sale of a run, made and audited through the admin API.
 * Why:    a measurement that nobody has to prepare, and that is no result unless its audit holds.
 * Never:  ends or changes a sale that it did not make.
 * Thread: the first. */
#pragma once

#include "audit.h"
#include "options.h"
#include "tools/common/told.h"

/* Creates, loads and waits until every target sells it; sets options->sale. False: told on
 * stderr. */
bool sale_make(struct options *options);
/* Asks for the audit, again while the sale has not come to rest, and compares it with what buyers
 * were told. Prints the checks. The list is sorted. */
void sale_check(const struct options *options, struct told_list *told, struct audit *ret_audit);
