/* admin_input: the path parameters and the query of an admin request.
 * Why:    what is wrong in them is answered on the loop, before a thread is bothered.
 * Never:  reads the body: the verb does.
 * Thread: loop. */
#pragma once

#include <stdbool.h>

struct admin_job;
struct http_request;

/* Fills the job's input. `pattern`: of its route, static. False: the exchange has been answered. */
bool admin_input_read(struct admin_job *job, const char *pattern,
                      const struct http_request *request);
