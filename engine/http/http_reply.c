#include "http/http_reply.h"

#include "common/assert.h"
#include "http/http_conn.h"

#include <string.h>
#include <time.h>

enum {
    /* Status line, Date, Content-Length, X-Request-Id, Retry-After, Connection, and names of the
     * rest. */
    HEAD_SIZE_MAX = 512,
    STATUS_MIN = 200,
    STATUS_MAX = 599,
    DIGITS_MAX = 20,
    DETAIL_SIZE_MAX = 512,
    RETRY_AFTER_MAX_S = 5
};

struct status_line {
    const char *text;
    uint8_t size;
};

#define LINE(status, reason)                                                                       \
    [(status)-STATUS_MIN] = {"HTTP/1.1 " #status " " reason "\r\n",                                \
                             sizeof "HTTP/1.1 " #status " " reason "\r\n" - 1}
static const struct status_line status_lines[STATUS_MAX - STATUS_MIN + 1] = {
    LINE(200, "OK"),
    LINE(201, "Created"),
    LINE(202, "Accepted"),
    LINE(204, "No Content"),
    LINE(304, "Not Modified"),
    LINE(400, "Bad Request"),
    LINE(401, "Unauthorized"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(405, "Method Not Allowed"),
    LINE(408, "Request Timeout"),
    LINE(409, "Conflict"),
    LINE(410, "Gone"),
    LINE(411, "Length Required"),
    LINE(413, "Content Too Large"),
    LINE(414, "URI Too Long"),
    LINE(415, "Unsupported Media Type"),
    LINE(417, "Expectation Failed"),
    LINE(422, "Unprocessable Content"),
    LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"),
    LINE(500, "Internal Server Error"),
    LINE(501, "Not Implemented"),
    LINE(502, "Bad Gateway"),
    LINE(503, "Service Unavailable"),
    LINE(504, "Gateway Timeout"),
};
#undef LINE

/* A head, all but what the body's writer knows. */
struct head {
    int status;
    const char *content_type; /* NULL: none */
    const char *cache;        /* NULL: no-store */
    struct http_slice headers;
    struct http_slice request_id;
    uint32_t retry_after_s; /* 0: none */
    bool closes;
};

struct writer {
    char *at;
    char *end;
};

static void put(struct writer *writer, const char *data, size_t size)
{
    ASSERT(size <= (size_t)(writer->end - writer->at));
    if (size > 0) {
        memcpy(writer->at, data, size);
    }
    writer->at += size;
}

#define PUT_LITERAL(writer, text) put(writer, text, sizeof(text) - 1)

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

static void put_slice(struct writer *writer, struct http_slice slice)
{
    put(writer, slice.data, slice.size);
}

static void put_number(struct writer *writer, uint64_t value)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(writer, digits + at, sizeof digits - at);
}

static void put_status_line(struct writer *writer, int status)
{
    struct status_line line;

    ASSERT(status >= STATUS_MIN && status <= STATUS_MAX);
    line = status_lines[status - STATUS_MIN];
    if (line.text) {
        put(writer, line.text, line.size);
        return;
    }
    PUT_LITERAL(writer, "HTTP/1.1 ");
    put_number(writer, (uint64_t)status);
    PUT_LITERAL(writer, " \r\n");
}

/* The date's line, made anew when the second has changed. */
static void put_date(struct http_server *server, struct writer *writer)
{
    int64_t now_us = loop_now_us(server->loop);

    if (now_us >= server->date_until_us) {
        int64_t wall_ms = loop_wall_ms(server->loop);
        time_t second = (time_t)(wall_ms / 1000);
        struct tm tm;
        size_t size;

        ASSERT(gmtime_r(&second, &tm) != NULL);
        /* No process of ours sets a locale: names of days and months are English. */
        size =
            strftime(server->date, sizeof server->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        ASSERT(size == sizeof server->date - 1);
        server->date_until_us = now_us + (1000 - wall_ms % 1000) * 1000;
    }
    put(writer, server->date, sizeof server->date - 1);
}

static void put_head(struct http_server *server, struct writer *writer, const struct head *head,
                     size_t body_size)
{
    put_status_line(writer, head->status);
    put_date(server, writer);
    if (head->content_type) {
        PUT_LITERAL(writer, "Content-Type: ");
        put_text(writer, head->content_type);
        PUT_LITERAL(writer, "\r\n");
    }
    if (head->cache) {
        PUT_LITERAL(writer, "Cache-Control: ");
        put_text(writer, head->cache);
        PUT_LITERAL(writer, "\r\n");
    } else {
        PUT_LITERAL(writer, "Cache-Control: no-store\r\n");
    }
    /* 204 and 304 have no body and no length (RFC 9110 §8.6). */
    if (head->status != 204 && head->status != 304) {
        PUT_LITERAL(writer, "Content-Length: ");
        put_number(writer, body_size);
        PUT_LITERAL(writer, "\r\n");
    }
    PUT_LITERAL(writer, "X-Request-Id: ");
    put_slice(writer, head->request_id);
    PUT_LITERAL(writer, "\r\n");
    if (head->retry_after_s > 0) {
        PUT_LITERAL(writer, "Retry-After: ");
        put_number(writer, head->retry_after_s);
        PUT_LITERAL(writer, "\r\n");
    }
    put_slice(writer, head->headers);
    if (head->closes) {
        PUT_LITERAL(writer, "Connection: close\r\n");
    }
    PUT_LITERAL(writer, "\r\n");
}

/* Room for a head and `body_size` bytes; false: none, and `out` has failed. */
static bool begin_write(struct buf *out, const struct head *head, size_t body_size,
                        struct writer *ret_writer)
{
    size_t size = HEAD_SIZE_MAX + head->headers.size + body_size;

    size += head->content_type ? strlen(head->content_type) : 0;
    size += head->cache ? strlen(head->cache) : 0;
    ret_writer->at = buf_reserve(out, size);
    ret_writer->end = ret_writer->at ? ret_writer->at + size : NULL;
    return ret_writer->at != NULL;
}

static void end_write(struct buf *out, const struct writer *writer)
{
    buf_commit(out, (size_t)(writer->at - (out->data + out->size)));
}

static void count_status(const struct http_server *server, int status)
{
    uint32_t label = status < 300   ? LABEL_STATUS_CLASS_2XX
                     : status < 400 ? LABEL_STATUS_CLASS_3XX
                     : status < 500 ? LABEL_STATUS_CLASS_4XX
                                    : LABEL_STATUS_CLASS_5XX;

    metrics_add(server->options.shard, server->options.requests_metric, label, 1);
}

static uint32_t retry_after_s(struct http_server *server, int status, uint32_t wanted_s)
{
    if (wanted_s > 0 || (status != 429 && status != 503)) {
        return wanted_s;
    }
    /* By chance, or all who were refused in one moment come back in one moment. */
    return 1 + (uint32_t)(loop_random(server->loop) % RETRY_AFTER_MAX_S);
}

void http_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct buf *out = http_conn_answer_begin(exchange);
    struct writer writer;

    count_status(exchange->server, reply->status);
    if (out) {
        const struct head head = {
            .status = reply->status,
            .content_type = reply->content_type,
            .cache = reply->cache,
            .headers = reply->headers,
            .request_id = {exchange->request_id, exchange->request_id_size},
            .retry_after_s = retry_after_s(exchange->server, reply->status, 0),
            .closes = http_conn_answer_closes(exchange),
        };
        if (begin_write(out, &head, reply->body.size, &writer)) {
            put_head(exchange->server, &writer, &head, reply->body.size);
            if (!exchange->is_head && reply->status != 204 && reply->status != 304) {
                put_slice(&writer, reply->body);
            }
            end_write(out, &writer);
        }
    }
    http_conn_answer_end(exchange);
}

void http_reply_json(struct http_exchange *exchange, int status, struct http_slice body,
                     struct http_slice headers)
{
    const struct http_reply reply = {
        .status = status,
        .content_type = "application/json",
        .headers = headers,
        .body = body,
    };

    http_reply(exchange, &reply);
}

/* ---- problems ---- */

/* A problem's body in pieces. */
struct problem_body {
    struct http_slice text;   /* up to the detail, or with it */
    struct http_slice detail; /* escaped, in place of the text's; data NULL: it is in `text` */
    struct http_slice id;
    struct http_slice members;
};

static size_t problem_body_size(const struct problem_body *body)
{
    size_t size = body->text.size + sizeof ",\"instance\":\"/requests/\",\"request_id\":\"\"}" - 1
                  + 2 * body->id.size;

    size += body->detail.data ? sizeof ",\"detail\":\"\"" - 1 + body->detail.size : 0;
    size += body->members.size > 0 ? 1 + body->members.size : 0;
    return size;
}

static void put_problem_body(struct writer *writer, const struct problem_body *body)
{
    put_slice(writer, body->text);
    if (body->detail.data) {
        PUT_LITERAL(writer, ",\"detail\":\"");
        put_slice(writer, body->detail);
        PUT_LITERAL(writer, "\"");
    }
    PUT_LITERAL(writer, ",\"instance\":\"/requests/");
    put_slice(writer, body->id);
    PUT_LITERAL(writer, "\",\"request_id\":\"");
    put_slice(writer, body->id);
    PUT_LITERAL(writer, "\"");
    if (body->members.size > 0) {
        PUT_LITERAL(writer, ",");
        put_slice(writer, body->members);
    }
    PUT_LITERAL(writer, "}");
}

struct problem_options {
    const struct http_problem_text *text;
    const struct http_problem_extra *extra; /* may be NULL */
    struct http_slice request_id;
    bool closes;
    bool is_head;
};

static void write_problem(struct http_server *server, struct buf *out,
                          const struct problem_options *options)
{
    static const struct http_problem_extra no_extra = {0};
    static const char authenticate[] = "WWW-Authenticate: Bearer\r\n";
    const struct http_problem_text *text = options->text;
    const struct http_problem_extra *extra = options->extra ? options->extra : &no_extra;
    struct problem_body body = {
        .text = {text->text, extra->detail ? text->detail_at : text->size},
        .id = options->request_id,
        .members = extra->members,
    };
    struct head head = {
        .status = text->status,
        .content_type = "application/problem+json",
        .headers = extra->headers,
        .request_id = options->request_id,
        .retry_after_s = retry_after_s(server, text->status, extra->retry_after_s),
        .closes = options->closes,
    };
    char detail[DETAIL_SIZE_MAX];
    struct writer writer;
    size_t body_size;

    if (extra->detail) {
        body.detail.data = detail;
        body.detail.size =
            http_problem_escape(extra->detail, strlen(extra->detail), detail, sizeof detail);
    }
    if (text->status == 401 && extra->headers.size == 0) {
        head.headers = (struct http_slice){authenticate, sizeof authenticate - 1};
    }
    body_size = problem_body_size(&body);
    if (begin_write(out, &head, body_size, &writer)) {
        put_head(server, &writer, &head, body_size);
        if (!options->is_head) {
            put_problem_body(&writer, &body);
        }
        end_write(out, &writer);
    }
}

void http_reply_problem(struct http_exchange *exchange, const struct http_problem_text *text,
                        const struct http_problem_extra *extra)
{
    struct buf *out = http_conn_answer_begin(exchange);

    count_status(exchange->server, text->status);
    if (out) {
        const struct problem_options options = {
            .text = text,
            .extra = extra,
            .request_id = {exchange->request_id, exchange->request_id_size},
            .closes = http_conn_answer_closes(exchange),
            .is_head = exchange->is_head,
        };
        write_problem(exchange->server, out, &options);
    }
    http_conn_answer_end(exchange);
}

void http_reply_refusal(struct http_exchange *exchange, enum http_problem problem,
                        const struct http_problem_extra *extra)
{
    struct http_server *server = exchange->server;

    ASSERT(problem < HTTP_PROBLEM_COUNT);
    metrics_add(server->options.shard, METRIC_http_problems_total, (uint32_t)problem, 1);
    http_reply_problem(exchange, &server->problems[problem], extra);
}

void http_reply_write_failure(struct http_server *server, struct buf *out,
                              const struct http_problem_text *text)
{
    char id[HTTP_REQUEST_ID_SIZE_MAX + 1];
    const struct problem_options options = {
        .text = text,
        .request_id = {id, http_reply_make_id(server, id)},
        .closes = true,
    };

    count_status(server, text->status);
    write_problem(server, out, &options);
}

uint8_t http_reply_make_id(struct http_server *server, char id[static HTTP_REQUEST_ID_SIZE_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    /* An odd factor: no two requests of a server get the same bits, two servers hardly ever. */
    uint64_t bits = server->request_seed + server->request_count++ * UINT64_C(0x9e3779b97f4a7c15);

    for (int i = 0; i < 16; i++) {
        id[i] = digits[bits >> (60 - 4 * i) & 15];
    }
    id[16] = '\0';
    return 16;
}
