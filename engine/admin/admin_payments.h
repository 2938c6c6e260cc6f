/* admin_payments: a payment notice as the admin API shows it.
 * Why:    it is the same beside its order and in the list.
 * Never:  changes one.
 * Thread: the pool's. */
#pragma once

struct json_out;
struct payment_line;

/* Its members, without the braces: some answers have more of them. */
void admin_payment_members(struct json_out *out, const struct payment_line *line);
