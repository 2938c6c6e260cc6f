/* mysql_durability: what the promises rest on and only the server decides (X6, M16).
 * Why:    a server that forgets commits makes the settled rows and offsets a lie.
 * Never:  refuses by itself: strict mode does (bin/).
 * Thread: that of the link. */
#pragma once

#include "common/err.h"

struct mysql_link;

/* ERR_OK with `*ret_why` NULL: strong enough; else `*ret_why` is a static sentence. Errors as
 * mysql_link.h. */
MUST_CHECK enum err mysql_durability_check(struct mysql_link *link, const char **ret_why);
