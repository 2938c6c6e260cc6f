#include "http/http_problem.h"

#include "common/assert.h"

#include <string.h>

enum { TITLE_SIZE_MAX = 64, INPUT_SIZE_MAX = 400, ESCAPE_SIZE_MAX = 6 };

static const struct {
    const char *code, *title, *detail;
    int status;
    bool retry;
} table[HTTP_PROBLEM_COUNT] = {
#define PROBLEM(name, code_, status_, retry_, title_, detail_)                                     \
    [HTTP_PROBLEM_##name] = {.code = (code_),                                                      \
                             .title = (title_),                                                    \
                             .detail = (detail_),                                                  \
                             .status = (status_),                                                  \
                             .retry = (retry_)},
#include "http/problem.def"
#undef PROBLEM
};

const char *http_problem_code(enum http_problem problem)
{
    ASSERT(problem < HTTP_PROBLEM_COUNT);
    return table[problem].code;
}

int http_problem_status(enum http_problem problem)
{
    ASSERT(problem < HTTP_PROBLEM_COUNT);
    return table[problem].status;
}

/* The escape of one byte; returns its size. */
static size_t escape_byte(char c, char out[static ESCAPE_SIZE_MAX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t byte = (uint8_t)c;

    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = c;
        return 2;
    }
    if (byte >= 0x20 && byte != 0x7f) {
        out[0] = c;
        return 1;
    }
    memcpy(out, "\\u00", 4);
    out[4] = digits[byte >> 4];
    out[5] = digits[byte & 15];
    return 6;
}

size_t http_problem_escape(const char *text, size_t size, char *out, size_t out_size)
{
    size_t at = 0;

    for (size_t i = 0; i < size; i++) {
        char escaped[ESCAPE_SIZE_MAX];
        size_t escaped_size = escape_byte(text[i], escaped);

        if (escaped_size > out_size - at) {
            break;
        }
        memcpy(out + at, escaped, escaped_size);
        at += escaped_size;
    }
    return at;
}

static void append(struct http_problem_text *text, const char *bytes)
{
    size_t size = strlen(bytes);

    ASSERT(size <= sizeof text->text - text->size);
    memcpy(text->text + text->size, bytes, size);
    text->size = (uint16_t)(text->size + size);
}

static void append_escaped(struct http_problem_text *text, const char *bytes)
{
    text->size = (uint16_t)(text->size
                            + http_problem_escape(bytes, strlen(bytes), text->text + text->size,
                                                  sizeof text->text - text->size));
}

static void title_of_code(const char *code, char title[static TITLE_SIZE_MAX])
{
    size_t size = strlen(code);

    ASSERT(size > 0 && size < TITLE_SIZE_MAX);
    for (size_t i = 0; i <= size; i++) {
        title[i] = code[i] == '-' ? ' ' : code[i];
    }
    if (title[0] >= 'a' && title[0] <= 'z') {
        title[0] = (char)(title[0] - ('a' - 'A'));
    }
}

void http_problem_init(struct http_problem_text *text, int status, const char *code,
                       const char *title, const char *detail, bool retryable)
{
    char made[TITLE_SIZE_MAX];
    char status_text[] = "000";

    ASSERT(status >= 400 && status <= 599);
    if (!title) {
        title_of_code(code, made);
        title = made;
    }
    ASSERT(strlen(code) + strlen(title) + strlen(detail) <= INPUT_SIZE_MAX);
    for (int i = 2, rest = status; i >= 0; i--, rest /= 10) {
        status_text[i] = (char)('0' + rest % 10);
    }
    *text = (struct http_problem_text){.status = (uint16_t)status};
    append(text, "{\"type\":\"" HTTP_PROBLEM_TYPE_BASE);
    append_escaped(text, code);
    append(text, "\",\"title\":\"");
    append_escaped(text, title);
    append(text, "\",\"status\":");
    append(text, status_text);
    append(text, ",\"code\":\"");
    append_escaped(text, code);
    append(text, retryable ? "\",\"retryable\":true" : "\",\"retryable\":false");
    text->detail_at = text->size;
    append(text, ",\"detail\":\"");
    append_escaped(text, detail);
    append(text, "\"");
}

void http_problem_init_table(struct http_problem_text *text, enum http_problem problem)
{
    ASSERT(problem < HTTP_PROBLEM_COUNT);
    http_problem_init(text, table[problem].status, table[problem].code, table[problem].title,
                      table[problem].detail, table[problem].retry);
}

void http_problem_init_outcome(struct http_problem_text *text, enum outcome outcome)
{
    http_problem_init(text, outcome_http_status(outcome), outcome_code(outcome), NULL,
                      outcome_text(outcome), outcome_may_retry(outcome));
}
