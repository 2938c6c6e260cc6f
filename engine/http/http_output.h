/* http_output: answers of a connection on their way to its socket, in order. Inside http/ only.
 * Why:    one send for all answers of a turn; EV_WRITE only for what the socket did not take.
 * Never:  sends an answer before those of earlier requests; more than HTTP_UNSENT_MAX a connection.
 * Thread: loop.  Owner: the connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct http_conn;

/* Where this connection's next bytes are gathered; what another one gathered there is sent
 * first. */
struct buf *http_output_of(struct http_conn *conn);
/* Sends what was gathered; the rest waits in conn->unsent. Sets is_broken when the socket
 * failed. */
void http_output_flush(struct http_conn *conn);
/* The socket takes bytes again. True: nothing is left to send, or the socket failed. */
bool http_output_write(struct http_conn *conn);
