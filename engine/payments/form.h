/* form: a body in application/x-www-form-urlencoded.
 * Why:    one provider signs the decoded fields in the order of their names.
 * Never:  takes a name twice, a bare % or a byte that should have been encoded: the signer and we
 *         would read two things.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "payments/provider.h"

enum { FORM_FIELDS_MAX = 64 };

struct form_field {
    struct provider_text name, value; /* decoded, in `bytes` */
};
/* Some 18 KiB, on the stack of its reader; not copied. */
struct form {
    uint32_t count;
    struct form_field fields[FORM_FIELDS_MAX]; /* by name, bytes compared */
    char bytes[PROVIDER_BODY_SIZE_MAX];
};

/* name=value with & between them; names of letters, digits, dot, dash and underscore. false: not
 * that, or more than FORM_FIELDS_MAX. */
bool form_read(const char *body, size_t size, struct form *form);
/* false: no such field. A value may be empty. */
bool form_field(const struct form *form, const char *name, struct provider_text *ret_value);
