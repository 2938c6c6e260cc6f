#include "http/http_saved.h"

#include "common/assert.h"
#include "http/http_conn.h"

#include <string.h>

enum {
    SMALL_SIZE = 2048, /* a struct http_saved and its bytes */
    BIG_SIZE = sizeof(struct http_saved) + HTTP_PARSER_BUFFER_SIZE,
    /* Most requests come whole, and most of the others fit the small ones. */
    BIG_SHARE = 16, /* one for so many connections */
    BIG_COUNT_MIN = 64
};

bool http_saved_create_pools(struct http_server *server)
{
    uint32_t connections = server->options.connections_max;
    uint32_t big = connections / BIG_SHARE;

    server->saved_small = slab_create(SMALL_SIZE, connections);
    server->saved_big = slab_create(BIG_SIZE, big > BIG_COUNT_MIN ? big : BIG_COUNT_MIN);
    return server->saved_small && server->saved_big;
}

void http_saved_destroy_pools(struct http_server *server)
{
    slab_destroy(server->saved_small);
    slab_destroy(server->saved_big);
}

static size_t saved_capacity(size_t item_size)
{
    return item_size - offsetof(struct http_saved, bytes);
}

void http_saved_drop(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (!conn->saved) {
        return;
    }
    slab_give(conn->saved->capacity == saved_capacity(SMALL_SIZE) ? server->saved_small
                                                                  : server->saved_big,
              conn->saved);
    conn->saved = NULL;
    conn->is_partial = false;
}

static bool make_room(struct http_conn *conn, size_t size)
{
    struct http_server *server = conn->server;
    bool is_small = size <= saved_capacity(SMALL_SIZE);

    ASSERT(size <= HTTP_PARSER_BUFFER_SIZE);
    if (conn->saved && conn->saved->capacity >= size) {
        return true;
    }
    http_saved_drop(conn);
    conn->saved = slab_take(is_small ? server->saved_small : server->saved_big);
    if (!conn->saved) {
        return false;
    }
    conn->saved->capacity =
        (uint32_t)(is_small ? saved_capacity(SMALL_SIZE) : HTTP_PARSER_BUFFER_SIZE);
    return true;
}

static size_t parser_used_size(const struct http_parser *parser)
{
    return offsetof(struct http_parser, fields) + parser->field_count * sizeof parser->fields[0];
}

bool http_saved_keep(struct http_conn *conn, const char *data, size_t size, bool is_partial)
{
    const struct http_parser *parser = &conn->server->parser;

    if (!make_room(conn, size)) {
        return false;
    }
    memcpy(&conn->saved->parser, parser, parser_used_size(parser));
    memcpy(conn->saved->bytes, data, size);
    conn->saved->size = (uint32_t)size;
    conn->is_partial = is_partial;
    return true;
}

size_t http_saved_restore(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (!conn->saved) {
        http_parser_begin(&server->parser, server->options.body_max);
        return 0;
    }
    memcpy(&server->parser, &conn->saved->parser, parser_used_size(&conn->saved->parser));
    memcpy(server->input, conn->saved->bytes, conn->saved->size);
    return conn->saved->size;
}
