/* mysql_error: what an error code of MySQL, MariaDB or their clients means for a transaction.
 * Why:    deadlock, outage, clash and bug are handled differently; the codes are many and differ.
 * Never:  looks at the error's text.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "common/err.h"

/* The results of mysql_link.h; 0 is ERR_OK, what is not known is ERR_REFUSED. */
enum err mysql_error_meaning(unsigned code);
/* The session must be made anew after it: it is gone, or its server may not write any more. */
bool mysql_error_ends_session(unsigned code);
