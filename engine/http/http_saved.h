/* http_saved: bytes of a connection that wait for more bytes, or for room. Inside http/ only.
 * Why:    an idle connection owns no buffer; what waits comes from two bounded pools.
 * Never:  allocates; holds more than one parser's buffer.
 * Thread: loop.  Owner: the connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct http_conn;
struct http_server;

/* Both pools, sized by connections_max. False: no memory. */
bool http_saved_create_pools(struct http_server *server);
void http_saved_destroy_pools(struct http_server *server);
/* Keeps the first `size` bytes at `data` and the state of the server's parser. False: the pool
 * is empty. */
bool http_saved_keep(struct http_conn *conn, const char *data, size_t size, bool is_partial);
/* Puts both back where the server parses, the bytes to the start of its input. Returns their
 * size; with nothing saved: 0, and a parser that begins. */
size_t http_saved_restore(struct http_conn *conn);
void http_saved_drop(struct http_conn *conn); /* nothing saved: fine */
