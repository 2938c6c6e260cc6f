/* http_events: what a byte stream means to the HTTP parser, as text, however it is cut.
 * Why:    unit tests and the fuzz target compare the same stream fed whole, cut, and byte by byte.
 * Never:  used by the engine.
 * Thread: any. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/buf.h"
#include "http/http_parser.h"
#include "http/http_syntax.h"

enum { HTTP_EVENTS_MAX_SIZE = 16 * 1024 * 1024 };

static inline void http_events_slice(struct buf *out, const char *name, struct http_slice slice)
{
    buf_append_text(out, name);
    if (!slice.data) {
        buf_append_text(out, "(none)");
        return;
    }
    buf_append(out, slice.data, slice.size);
}

static inline void http_events_request(struct buf *out, const struct http_parser *parser,
                                       const char *data)
{
    struct http_request request = {0};

    http_parser_request(parser, data, &request);
    http_events_slice(out, http_syntax_method_name(request.method), request.path);
    http_events_slice(out, " ?", request.query);
    for (size_t i = 0; i < parser->field_count; i++) {
        struct http_parser_field field = parser->fields[i];

        http_events_slice(out, "\n", (struct http_slice){data + field.name.at, field.name.size});
        http_events_slice(out, "=", (struct http_slice){data + field.value.at, field.value.size});
    }
    for (int header = 0; header < HTTP_HEADER_COUNT; header++) {
        http_events_slice(out, "\n#", http_parser_known(parser, data, (enum http_header)header));
    }
    http_events_slice(out, "\nbody ", request.body);
    buf_append_text(out, http_parser_wants_close(parser) ? "\nclose\n" : "\nkeep\n");
}

struct http_events_feed {
    struct http_parser parser;
    char *data; /* a buffer of exactly the size the parser promises to fit */
    size_t size;
    bool refused;
};

static inline void http_events_run(struct http_events_feed *feed, struct buf *out)
{
    while (!feed->refused) {
        switch (http_parser_run(&feed->parser, feed->data, feed->size)) {
        case HTTP_PARSER_MORE:
            feed->size = http_parser_compact(&feed->parser, feed->data, feed->size);
            return;
        case HTTP_PARSER_REFUSED:
            feed->refused = true;
            buf_append_text(out, "refused ");
            buf_append_text(out, http_problem_code(feed->parser.problem));
            return;
        case HTTP_PARSER_DONE:
            http_events_request(out, &feed->parser, feed->data);
            feed->size -= feed->parser.at;
            memmove(feed->data, feed->data + feed->parser.at, feed->size);
            http_parser_begin(&feed->parser, feed->parser.body_max);
            break;
        }
    }
}

/* Feeds `size` bytes in pieces of next(arg) bytes (0: all that is left), appends what they mean. */
static inline void http_events_feed(const char *bytes, size_t size, size_t (*next)(void *arg),
                                    void *arg, struct buf *out)
{
    struct http_events_feed feed = {.data = malloc(HTTP_PARSER_BUFFER_SIZE)};
    size_t at = 0;

    ASSERT(feed.data);
    http_parser_begin(&feed.parser, HTTP_PARSER_BODY_MAX);
    while (at < size && !feed.refused) {
        size_t piece = next(arg);
        size_t room = HTTP_PARSER_BUFFER_SIZE - feed.size;

        /* A parser that asks for more must have left room for it. */
        ASSERT(room > 0);
        piece = piece == 0 || piece > size - at ? size - at : piece;
        piece = piece > room ? room : piece;
        memcpy(feed.data + feed.size, bytes + at, piece);
        feed.size += piece;
        at += piece;
        http_events_run(&feed, out);
    }
    if (!feed.refused) {
        buf_append_text(out, "waits in ");
        buf_append_u64(out, (uint64_t)feed.parser.state);
        buf_append_text(out, feed.size > 0 ? " partial" : " empty");
    }
    free(feed.data);
}

static inline size_t http_events_whole(void *arg)
{
    (void)arg;
    return 0;
}

static inline size_t http_events_bytewise(void *arg)
{
    (void)arg;
    return 1;
}

/* The first piece has *arg bytes, the second all the rest. */
static inline size_t http_events_cut_once(void *arg)
{
    size_t *first = arg;
    size_t piece = *first;

    *first = 0;
    return piece;
}
