/* http_conn: one client connection: receive, parse, hand out, send in order. Inside http/ only.
 * Why:    two system calls a request; a connection without a request owns no buffer.
 * Never:  more requests in work than pipeline_max; more unsent bytes than one turn's answers; a
 *         deadline that progress moves (slow clients are cut at absolute times).
 * Thread: loop.  Owner: the server's list. */
#pragma once

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/slab.h"
#include "domain/ids.h"
#include "http/http_listener.h"
#include "http/http_parser.h"
#include "http/http_problem.h"
#include "http/http_router.h"
#include "http/http_server.h"
#include "loop/timer.h"

enum {
    HTTP_REQUEST_ID_SIZE_MAX = 64,
    HTTP_SENT_AT_ONCE_MAX = 65536,     /* answers of one turn gathered before they are sent */
    HTTP_UNSENT_MAX = 8 * 1024 * 1024, /* one connection's answers, the largest reply included */
    HTTP_LINGER_BYTES_MAX = 65536,
    HTTP_LINGER_US = 1000000,
    HTTP_DATE_SIZE = 38, /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" and a NUL */
};

/* Bytes of a request that is not complete, or not yet to be parsed, and how far the parser is. */
struct http_saved {
    uint32_t size;
    uint32_t capacity; /* of `bytes` */
    struct http_parser parser;
    char bytes[];
};

struct http_exchange {
    struct http_server *server; /* borrowed */
    struct http_conn *conn;     /* borrowed; NULL: the client has gone */
    struct http_exchange *next; /* the connection's next request */
    void *user;
    int64_t received_us;
    struct buf held; /* an answer that waits for those before it */
    bool answered;
    bool is_head;     /* no body in the answer */
    bool wants_close; /* the client's last request */
    uint8_t request_id_size;
    char request_id[HTTP_REQUEST_ID_SIZE_MAX + 1];
    struct traceparent traceparent;
};

enum http_deadline {
    HTTP_DEADLINE_NONE, /* requests are in work: their handlers have deadlines of their own */
    HTTP_DEADLINE_IDLE,
    HTTP_DEADLINE_HEAD,
    HTTP_DEADLINE_BODY,
    HTTP_DEADLINE_WRITE,
    HTTP_DEADLINE_LINGER,
};

struct http_conn {
    struct http_server *server; /* borrowed */
    TAILQ_ENTRY(http_conn) link;
    TAILQ_ENTRY(http_conn) resume_link;
    int fd; /* owned */
    enum http_deadline deadline;
    int64_t deadline_us;
    struct timer timer;                 /* runs at deadline_us or earlier, and then looks again */
    struct http_exchange *first, *last; /* in work, in the order of the requests */
    uint32_t exchange_count;
    uint32_t lingered_size;
    struct http_saved *saved;                /* owned; NULL: no bytes of a request are here */
    struct buf unsent;                       /* what the socket did not take at once */
    size_t unsent_at;                        /* of it, sent meanwhile */
    const struct http_problem_text *failure; /* borrowed; told after the answers before it */
    struct event read_event, write_event;
    bool is_reading, is_writing; /* the events are added */
    bool is_partial;             /* `saved` needs more bytes (else: room in the pipeline) */
    bool is_eof;                 /* the client has sent its last byte */
    bool is_closing;             /* no further request is parsed */
    bool is_lingering;           /* our side is shut; what comes is thrown away */
    bool is_broken;              /* the socket failed: destroyed as soon as nobody is inside */
    bool is_inside;              /* http_conn's functions are on the stack */
    bool is_resuming;            /* in the server's list of connections to be parsed on */
    bool continue_due;           /* 100 Continue is to be sent after the answers before it */
    bool continue_done;          /* of the request that is coming */
};
TAILQ_HEAD(http_conn_list, http_conn);

struct http_server {
    struct http_server_options options; /* address and routes are not kept */
    struct loop *loop;
    struct http_listener *listener; /* owned; NULL: draining */
    uint16_t port;
    struct http_router *router;
    struct slab *conns, *exchanges, *saved_small, *saved_big; /* owned */
    struct http_conn_list conn_list, resume_list;
    uint32_t resume_count; /* of resume_list */
    bool resume_deferred;  /* on_resume runs in this turn or the next */
    bool is_dead;          /* destroyed; on_resume frees what is left */
    bool is_draining;
    loop_fn *drained; /* cleared before it is called */
    void *drained_arg;

    char *input;               /* owned; HTTP_PARSER_BUFFER_SIZE, of whoever is being parsed */
    struct http_parser parser; /* of the same one */
    struct buf output;         /* answers of `output_conn` not yet handed to the socket */
    struct http_conn *output_conn;
    bool is_parsing; /* input and parser are in use */

    int64_t date_until_us;
    char date[HTTP_DATE_SIZE];
    uint64_t request_seed, request_count;
    struct http_problem_text problems[HTTP_PROBLEM_COUNT];
    struct http_problem_text overloaded;
};

/* Takes over `fd`. Closes it, with a 503, when there is no room. */
void http_conn_accept(struct http_server *server, int fd);
/* Cuts it: exchanges in work lose their client. Not while it is inside. */
void http_conn_destroy(struct http_conn *conn);
/* Closes it, unless a request is in work, coming, or waiting in its socket. */
void http_conn_drain(struct http_conn *conn);
/* Parses on where room in the pipeline has come. */
void http_conn_resume(struct http_conn *conn);

/* After anything happened: sends, and decides what comes next. May destroy the connection. */
void http_conn_settle(struct http_conn *conn);
/* An absolute time, `delay_us` from now, at which the connection is cut. */
void http_conn_set_deadline(struct http_conn *conn, enum http_deadline deadline, int64_t delay_us);

/* In http_output.c. Where the exchange's answer goes; NULL: nowhere, the client has gone; end is
 * still to be called. */
struct buf *http_conn_answer_begin(struct http_exchange *exchange);
/* The answer must say `Connection: close`: no request after this one is looked at. */
bool http_conn_answer_closes(const struct http_exchange *exchange);
/* The answer is in the buffer that begin gave. Ends the exchange. */
void http_conn_answer_end(struct http_exchange *exchange);

/* In http_server.c: finds the route, checks what it asks for, calls the handler or answers. */
void http_server_dispatch(struct http_server *server, struct http_exchange *exchange,
                          struct http_request *request);
/* In http_server.c: http_conn_resume() for the connection at the end of this turn. */
void http_server_resume_later(struct http_server *server, struct http_conn *conn);
void http_server_resume_not(struct http_server *server, struct http_conn *conn);
/* In http_server.c: a connection is gone. */
void http_server_conn_gone(struct http_server *server);

/* In http_reply.c: a problem without an exchange, before a close. */
void http_reply_write_failure(struct http_server *server, struct buf *out,
                              const struct http_problem_text *text);
/* Fills an X-Request-Id of our own; returns its size. */
uint8_t http_reply_make_id(struct http_server *server,
                           char id[static HTTP_REQUEST_ID_SIZE_MAX + 1]);
