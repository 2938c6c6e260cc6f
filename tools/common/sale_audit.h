/* sale_audit: the worker's audit of a sale, and what buyers were told compared with the rows.
 * Why:    the operator and the load generator ask for the same truth.
 * Never:  looks into Redis, Kafka or MySQL: the admin API does.
 * Thread: one. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "admin_client.h"
#include "told.h"

/* The API's answer, with "told" when there is a list, and "ok" of both; owned by the caller
 * (json_decref). The list is sorted; NULL: nothing is compared. NULL: it could not be made; why was
 * printed to stderr. */
json_t *sale_audit(const struct client *client, unsigned long sale, struct told_list *told);
/* Something does not hold; that something could not be told is no violation. */
bool sale_audit_is_violated(const json_t *audit);
/* A line for each check, and the verdict. */
void sale_audit_print(const json_t *audit, FILE *out);
