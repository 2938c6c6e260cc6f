/* http_problem: problem documents of RFC 9457.
 * Why:    every refusal has one shape; its constant part is built once, not per reply.
 * Never:  tells internals; names a buyer.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/outcome.h"

/* `type` is this and the code: stable, a documentation address (PROTOCOL §7). */
#define HTTP_PROBLEM_TYPE_BASE "https://seckill.example/problems/"

/* What ends before the gate. */
enum http_problem {
#define PROBLEM(name, code, status, retry, title, detail) HTTP_PROBLEM_##name,
#include "http/problem.def"
#undef PROBLEM
    HTTP_PROBLEM_COUNT
};

enum { HTTP_PROBLEM_TEXT_SIZE = 640 };

/* A problem made ready: everything of its body that does not change from reply to reply. */
struct http_problem_text {
    uint16_t status;
    uint16_t size;      /* bytes of `text` */
    uint16_t detail_at; /* where its last member, `,"detail":"…"`, begins */
    char text[HTTP_PROBLEM_TEXT_SIZE];
};

const char *http_problem_code(enum http_problem problem); /* "bad-json"; static */
int http_problem_status(enum http_problem problem);

/* Fills `text`. code, title and detail are UTF-8 and escaped here; together at most 400 bytes
 * (asserts). title NULL: made from the code ("sold-out": "Sold out"). Nothing is borrowed. */
void http_problem_init(struct http_problem_text *text, int status, const char *code,
                       const char *title, const char *detail, bool retryable);
void http_problem_init_table(struct http_problem_text *text, enum http_problem problem);
/* Code, status, text and retryable of domain/outcome.def. */
void http_problem_init_outcome(struct http_problem_text *text, enum outcome outcome);

/* JSON string escapes of `size` bytes. Returns the bytes written, at most `out_size`; what does
 * not fit is left out (whole characters of the input, not of UTF-8). */
size_t http_problem_escape(const char *text, size_t size, char *out, size_t out_size);
