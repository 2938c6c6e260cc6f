/* Requests as they must be read, and as they must be refused: rows FH1 to FH3 and FH7. Every stream
 * is fed whole, cut at every byte, and byte by byte: the meaning must be the same. */
#include "http/http_parser.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "support/http_events.h"

#define HOST "Host: shop.example\r\n"
#define POST "POST /v1/sales/7/orders HTTP/1.1\r\n" HOST

static void meaning(const char *bytes, size_t size, size_t (*next)(void *), void *arg,
                    struct buf *out)
{
    buf_clear(out);
    http_events_feed(bytes, size, next, arg, out);
    cr_assert(!out->failed);
}

/* The meaning of `bytes` in `whole`; fails when any cut changes it. */
static void same_however_cut(const char *bytes, size_t size, struct buf *whole)
{
    struct buf other;

    buf_init(whole, HTTP_EVENTS_MAX_SIZE);
    buf_init(&other, HTTP_EVENTS_MAX_SIZE);
    meaning(bytes, size, http_events_whole, NULL, whole);
    meaning(bytes, size, http_events_bytewise, NULL, &other);
    cr_assert_str_eq(buf_text(&other), buf_text(whole), "byte by byte");
    for (size_t cut = 1; cut<size; cut += size> 4096 ? 97 : 1) {
        size_t first = cut;

        meaning(bytes, size, http_events_cut_once, &first, &other);
        cr_assert_str_eq(buf_text(&other), buf_text(whole), "cut at %zu", cut);
    }
    buf_finish(&other);
}

static void expect(const char *bytes, size_t size, const char *last_event, const char *why)
{
    struct buf whole;
    const char *text;
    size_t wanted = strlen(last_event);

    same_however_cut(bytes, size, &whole);
    text = buf_text(&whole);
    cr_assert(strlen(text) >= wanted && strcmp(text + strlen(text) - wanted, last_event) == 0,
              "%s: wanted %s, got %s", why, last_event, text);
    buf_finish(&whole);
}

struct row {
    const char *why;
    const char *bytes;
    const char *event;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect(rows[i].bytes, strlen(rows[i].bytes), rows[i].event, rows[i].why);
    }
}
#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof(rows)[0])

Test(http_parser, refuses_a_malformed_start_line)
{
    static const struct row rows[] = {
        {"empty line first", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"bare LF", "GET / HTTP/1.1\n" HOST "\r\n", "refused bad-request"},
        {"only LF", "\nGET / HTTP/1.1\r\n\r\n", "refused bad-request"},
        {"no version", "GET /\r\n", "refused bad-request"},
        {"no target", "GET  HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"two blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"blank at the end", "GET / HTTP/1.1 \r\n" HOST "\r\n", "refused bad-request"},
        {"blank at the start", " GET / HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"tab for blank", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", "refused bad-request"},
        {"HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", "refused bad-request"},
        {"http/1.1", "GET / http/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"HTTP/01.1", "GET / HTTP/01.1\r\n" HOST "\r\n", "refused bad-request"},
        {"method of 33", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST "\r\n",
         "refused bad-request"},
        {"no token", "G(T / HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"fragment", "GET /#a HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"bytes above ASCII", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"half a percent", "GET /%4 HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"percent without hex", "GET /%zz HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"no slash", "GET v1 HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"asterisk of GET", "GET * HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"authority form", "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
        {"bare CR in the target", "GET /\r HTTP/1.1\r\n" HOST "\r\n", "refused bad-request"},
    };

    EXPECT_ROWS(rows);
}

Test(http_parser, refuses_tls_and_http2_on_a_plain_port)
{
    static const char tls[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /* The first byte is enough: a TLS client waits for an answer before it sends a line end. */
    expect(tls, 1, "refused bad-request", "TLS, one byte");
    expect(tls, sizeof tls - 1, "refused bad-request", "TLS");
    expect(preface, sizeof preface - 1, "refused bad-request", "HTTP/2");
}

Test(http_parser, refuses_a_malformed_field)
{
    static const struct row rows[] = {
        {"obs-fold", "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", "refused bad-request"},
        {"obs-fold by tab", "GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n\r\n", "refused bad-request"},
        {"fold of the first", "GET / HTTP/1.1\r\n " HOST "\r\n", "refused bad-request"},
        {"blank before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "refused bad-request"},
        {"tab before colon", "GET / HTTP/1.1\r\n" HOST "A\t: b\r\n\r\n", "refused bad-request"},
        {"no colon", "GET / HTTP/1.1\r\n" HOST "Abc\r\n\r\n", "refused bad-request"},
        {"no name", "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", "refused bad-request"},
        {"no token", "GET / HTTP/1.1\r\n" HOST "A(b: c\r\n\r\n", "refused bad-request"},
        {"bare LF", "GET / HTTP/1.1\r\n" HOST "A: b\nC: d\r\n\r\n", "refused bad-request"},
        {"bare CR", "GET / HTTP/1.1\r\n" HOST "A: b\rC: d\r\n\r\n", "refused bad-request"},
        {"CR CR LF", "GET / HTTP/1.1\r\n" HOST "A: b\r\r\n\r\n", "refused bad-request"},
        {"LF at the end", "GET / HTTP/1.1\r\n" HOST "\n", "refused bad-request"},
        {"DEL", "GET / HTTP/1.1\r\n" HOST "A: 1234567\x7f\r\n\r\n", "refused bad-request"},
        {"escape", "GET / HTTP/1.1\r\n" HOST "A: 12345678\x1b[0m\r\n\r\n", "refused bad-request"},
        {"two tokens", "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: a\r\n\r\n",
         "refused bad-request"},
        {"two keys", "GET / HTTP/1.1\r\n" HOST "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n",
         "refused bad-request"},
    };
    static const char nul_in_value[] = "GET / HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n";
    static const char nul_in_name[] = "GET / HTTP/1.1\r\n" HOST "A\0: b\r\n\r\n";
    static const char nul_in_line[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";

    EXPECT_ROWS(rows);
    expect(nul_in_value, sizeof nul_in_value - 1, "refused bad-request", "NUL in a value");
    expect(nul_in_name, sizeof nul_in_name - 1, "refused bad-request", "NUL in a name");
    expect(nul_in_line, sizeof nul_in_line - 1, "refused bad-request", "NUL in the target");
}

Test(http_parser, wants_exactly_one_good_host)
{
    static const struct row rows[] = {
        {"none", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "refused bad-host"},
        {"two", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", "refused bad-host"},
        {"empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "refused bad-host"},
        {"list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "refused bad-host"},
        {"with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "refused bad-host"},
        {"with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "refused bad-host"},
        {"port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "refused bad-host"},
        {"port too high", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "refused bad-host"},
        {"empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "refused bad-host"},
        {"open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "refused bad-host"},
        {"empty literal", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", "refused bad-host"},
        {"absolute, other host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "refused bad-host"},
        {"absolute, no host", "GET http://b/ HTTP/1.1\r\n\r\n", "refused bad-host"},
        {"absolute, other port", "GET http://a:81/ HTTP/1.1\r\nHost: a:80\r\n\r\n",
         "refused bad-host"},
        {"absolute, no port", "GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", "refused bad-host"},
        {"absolute with user", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
         "refused bad-request"},
        {"absolute, empty", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "refused bad-request"},
        {"other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "refused bad-request"},
        {"name and port", "GET / HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n", "waits in 0 empty"},
        {"IPv6", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "waits in 0 empty"},
        {"absolute", "GET http://A:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n", "waits in 0 empty"},
        {"absolute, no path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "waits in 0 empty"},
    };

    EXPECT_ROWS(rows);
}

Test(http_parser, refuses_every_doubt_about_the_body_length)
{
    static const struct row rows[] = {
        {"TE and CL", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "refused bad-request"},
        {"CL and TE", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
         "refused bad-request"},
        {"two CL", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "refused bad-request"},
        {"CL list", POST "Content-Length: 3, 3\r\n\r\nabc", "refused bad-request"},
        {"CL plus", POST "Content-Length: +3\r\n\r\nabc", "refused bad-request"},
        {"CL minus", POST "Content-Length: -3\r\n\r\nabc", "refused bad-request"},
        {"CL inner blank", POST "Content-Length: 1 3\r\n\r\nabc", "refused bad-request"},
        {"CL hex", POST "Content-Length: 0x3\r\n\r\nabc", "refused bad-request"},
        {"CL empty", POST "Content-Length:\r\n\r\nabc", "refused bad-request"},
        {"CL of 20 digits", POST "Content-Length: 00000000000000000003\r\n\r\nabc",
         "refused bad-request"},
        {"CL overflow", POST "Content-Length: 18446744073709551619\r\n\r\nabc",
         "refused bad-request"},
        {"CL too large", POST "Content-Length: 9999999999999999999\r\n\r\nabc",
         "refused body-too-large"},
        {"two TE", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "refused bad-request"},
        {"TE empty", POST "Transfer-Encoding: \r\n\r\n", "refused bad-request"},
        {"TE of HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "refused bad-request"},
        {"gzip", POST "Transfer-Encoding: gzip\r\n\r\n", "refused not-implemented"},
        {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
         "refused not-implemented"},
        {"chunked, chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n",
         "refused not-implemented"},
        {"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", "refused not-implemented"},
        {"identity", POST "Transfer-Encoding: identity\r\n\r\n", "refused not-implemented"},
        {"TE with a control",
         POST "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n",
         "refused bad-request"},
    };

    EXPECT_ROWS(rows);
}

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

Test(http_parser, refuses_a_malformed_chunk)
{
    static const struct row rows[] = {
        {"0x", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"sign", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"no digits", CHUNKED "\r\nabc\r\n", "refused bad-request"},
        {"blank first", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"blank behind", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"nine digits", CHUNKED "000000003\r\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"overflow", CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"bare LF", CHUNKED "3\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"data longer", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", "refused bad-request"},
        {"data without CRLF", CHUNKED "3\r\nabc0\r\n\r\n", "refused bad-request"},
        {"data, byte and LF", CHUNKED "3\r\nabcx\n0\r\n\r\n", "refused bad-request"},
        {"data, LF", CHUNKED "3\r\nabc\n0\r\n\r\n", "refused bad-request"},
        {"control in an extension", CHUNKED "3;a=\x01\r\nabc\r\n0\r\n\r\n", "refused bad-request"},
        {"bad trailer", CHUNKED "0\r\nA : b\r\n\r\n", "refused bad-request"},
        {"folded trailer", CHUNKED "0\r\nA: b\r\n c\r\n\r\n", "refused bad-request"},
        {"too large", CHUNKED "ffffffff\r\n", "refused body-too-large"},
    };

    EXPECT_ROWS(rows);
}

Test(http_parser, joins_chunks_and_forgets_extensions_and_trailers)
{
    static const char bytes[] = CHUNKED "3;x=\"y\"\r\nabc\r\nA\r\n0123456789\r\n1\r\n!\r\n"
                                        "00\r\nX-Trailer: v\r\nContent-Length: 5\r\n\r\n"
                                        "GET /next HTTP/1.1\r\n" HOST "\r\n";
    struct buf whole;

    same_however_cut(bytes, sizeof bytes - 1, &whole);
    cr_assert(strstr(buf_text(&whole), "body abc0123456789!\nkeep\n"), "%s", buf_text(&whole));
    cr_assert(!strstr(buf_text(&whole), "X-Trailer"), "%s", buf_text(&whole));
    cr_assert(strstr(buf_text(&whole), "GET/next"), "%s", buf_text(&whole));
    buf_finish(&whole);
}

Test(http_parser, reads_pipelined_requests_one_after_the_other)
{
    static const char bytes[] = POST "Content-Length: 4\r\n\r\nGET GET /a?b=c HTTP/1.1\r\n" HOST
                                     "X-Empty:\r\nX-Blanks: \t a b \t\r\n\r\n"
                                     "PUT / HTTP/1.0\r\n\r\n";
    struct buf whole;

    same_however_cut(bytes, sizeof bytes - 1, &whole);
    cr_assert_str_eq(
        buf_text(&whole),
        "POST/v1/sales/7/orders ?(none)\nHost=shop.example\nContent-Length=4"
        "\n#(none)\n#(none)\n#(none)\n#(none)\n#(none)\n#shop.example\n#4\n#(none)"
        "\n#(none)\n#(none)\nbody GET \nkeep\n"
        "GET/a ?b=c\nHost=shop.example\nX-Empty=\nX-Blanks=a b"
        "\n#(none)\n#(none)\n#(none)\n#(none)\n#(none)\n#shop.example\n#(none)\n#(none)"
        "\n#(none)\n#(none)\nbody \nkeep\n"
        "PUT/ ?(none)"
        "\n#(none)\n#(none)\n#(none)\n#(none)\n#(none)\n#(none)\n#(none)\n#(none)"
        "\n#(none)\n#(none)\nbody \nclose\n"
        "waits in 0 empty");
    buf_finish(&whole);
}

Test(http_parser, knows_when_the_client_wants_to_close)
{
    static const struct row rows[] = {
        {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "close\nwaits in 0 empty"},
        {"keep-alive of HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "close\nwaits in 0 empty"},
        {"close", "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "close\nwaits in 0 empty"},
        {"close in a list", "GET / HTTP/1.1\r\n" HOST "Connection: x ,\tClose\r\n\r\n",
         "close\nwaits in 0 empty"},
        {"close in a second field",
         "GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n\r\n",
         "close\nwaits in 0 empty"},
        {"keep-alive", "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n\r\n",
         "keep\nwaits in 0 empty"},
        {"closed", "GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n",
         "keep\nwaits in 0 empty"},
    };

    EXPECT_ROWS(rows);
}

Test(http_parser, refuses_an_expectation_before_the_body)
{
    static const struct row rows[] = {
        {"unknown", POST "Content-Length: 3\r\nExpect: 200-ok\r\n\r\n",
         "refused expectation-failed"},
        {"list", POST "Content-Length: 3\r\nExpect: 100-continue, x\r\n\r\n",
         "refused expectation-failed"},
        {"too large", POST "Expect: 100-continue\r\nContent-Length: 16385\r\n\r\n",
         "refused body-too-large"},
        {"twice", POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n",
         "refused bad-request"},
    };
    static const char bytes[] = POST "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n";
    struct http_parser parser;
    char data[sizeof bytes];

    EXPECT_ROWS(rows);
    memcpy(data, bytes, sizeof bytes);
    http_parser_begin(&parser, HTTP_PARSER_BODY_MAX);
    cr_assert(http_parser_run(&parser, data, sizeof bytes - 1) == HTTP_PARSER_MORE);
    cr_assert(parser.expects_continue && http_parser_in_body(&parser));
}

/* ---- ceilings, each at its edge ---- */

static void fill(struct buf *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_char(out, c);
    }
}

static void expect_buf(struct buf *bytes, const char *event, const char *why)
{
    cr_assert(!bytes->failed);
    expect(bytes->data, bytes->size, event, why);
    buf_clear(bytes);
}

Test(http_parser, takes_a_target_of_2048_bytes_and_no_more)
{
    struct buf bytes;

    buf_init(&bytes, 65536);
    for (size_t size = 2047; size <= 2049; size++) {
        buf_append_text(&bytes, "GET /");
        fill(&bytes, 'a', size - 1);
        buf_append_text(&bytes, " HTTP/1.1\r\n" HOST "\r\n");
        expect_buf(&bytes, size <= 2048 ? "waits in 0 empty" : "refused uri-too-long", "target");
    }
    buf_append_text(&bytes, "GET /");
    fill(&bytes, 'a', 40000);
    expect_buf(&bytes, "refused uri-too-long", "a line without end");
    for (size_t size = HTTP_PARSER_LINE_MAX - 1; size <= HTTP_PARSER_LINE_MAX; size++) {
        fill(&bytes, 'A', size);
        expect_buf(&bytes,
                   size < HTTP_PARSER_LINE_MAX ? "waits in 0 partial" : "refused uri-too-long",
                   "a line that may still end, and one that may not");
    }
    fill(&bytes, 'A', 32);
    buf_append_text(&bytes, " /");
    fill(&bytes, 'a', 2047);
    buf_append_text(&bytes, " HTTP/1.1\r\n" HOST "\r\n");
    expect_buf(&bytes, "waits in 0 empty", "the longest line");
    buf_finish(&bytes);
}

Test(http_parser, takes_8192_bytes_of_fields_and_no_more)
{
    const size_t fixed = sizeof HOST - 1 + sizeof "A: \r\n" - 1 + sizeof "\r\n" - 1;
    struct buf bytes;

    buf_init(&bytes, 65536);
    for (size_t size = 8191; size <= 8193; size++) {
        buf_append_text(&bytes, "GET / HTTP/1.1\r\n" HOST "A: ");
        fill(&bytes, 'b', size - fixed);
        buf_append_text(&bytes, "\r\n\r\n");
        expect_buf(&bytes, size <= 8192 ? "waits in 0 empty" : "refused headers-too-large",
                   "fields");
    }
    buf_append_text(&bytes, "GET / HTTP/1.1\r\n" HOST "A: ");
    fill(&bytes, 'b', 20000);
    expect_buf(&bytes, "refused headers-too-large", "a field without end");
    buf_finish(&bytes);
}

Test(http_parser, takes_64_fields_and_no_more)
{
    struct buf bytes;

    buf_init(&bytes, 65536);
    for (int count = 63; count <= 65; count++) {
        buf_append_text(&bytes, "GET / HTTP/1.1\r\n" HOST);
        for (int i = 1; i < count; i++) {
            buf_printf(&bytes, "F%d: %d\r\n", i, i);
        }
        buf_append_text(&bytes, "\r\n");
        expect_buf(&bytes, count <= 64 ? "waits in 0 empty" : "refused headers-too-large", "count");
    }
    buf_finish(&bytes);
}

Test(http_parser, takes_a_body_of_16384_bytes_and_no_more)
{
    struct buf bytes;

    buf_init(&bytes, 65536);
    for (size_t size = 16383; size <= 16385; size++) {
        buf_printf(&bytes, POST "Content-Length: %zu\r\n\r\n", size);
        if (size <= 16384) {
            fill(&bytes, 'x', size);
        }
        expect_buf(&bytes, size <= 16384 ? "waits in 0 empty" : "refused body-too-large", "CL");
        buf_printf(&bytes, CHUNKED "%zx\r\n", size - 1);
        fill(&bytes, 'x', size - 1);
        buf_append_text(&bytes, "\r\n1\r\ny\r\n0\r\n\r\n");
        expect_buf(&bytes, size <= 16384 ? "waits in 0 empty" : "refused body-too-large", "chunks");
    }
    buf_finish(&bytes);
}

Test(http_parser, fits_the_largest_request_of_one_byte_chunks_into_its_buffer)
{
    struct buf bytes;

    buf_init(&bytes, 262144);
    fill(&bytes, 'A', 32);
    buf_append_text(&bytes, " /");
    fill(&bytes, 'a', 2047);
    buf_append_text(&bytes, " HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nA: ");
    fill(&bytes, 'b',
         8192 - (sizeof HOST - 1) - sizeof "Transfer-Encoding: chunked\r\nA: \r\n\r\n" + 1);
    buf_append_text(&bytes, "\r\n\r\n");
    for (int i = 0; i < 16384; i++) {
        buf_append_text(&bytes, "1\r\nx\r\n");
    }
    buf_append_text(&bytes, "0\r\nT: ");
    fill(&bytes, 't', 1024 - 7);
    buf_append_text(&bytes, "\r\n\r\n");
    expect_buf(&bytes, "waits in 0 empty", "one byte a chunk");
    buf_finish(&bytes);
}

Test(http_parser, bounds_chunk_lines_and_trailers)
{
    struct buf bytes;

    buf_init(&bytes, 65536);
    for (size_t size = 255; size <= 257; size++) {
        buf_append_text(&bytes, CHUNKED "1;");
        fill(&bytes, 'e', size - 4);
        buf_append_text(&bytes, "\r\nx\r\n0\r\n\r\n");
        expect_buf(&bytes, size <= 256 ? "waits in 0 empty" : "refused bad-request", "chunk line");
    }
    buf_append_text(&bytes, CHUNKED "0\r\n");
    for (int i = 0; i < 65; i++) {
        buf_append_text(&bytes, "A: b\r\n");
    }
    expect_buf(&bytes, "refused headers-too-large", "trailers");
    buf_append_text(&bytes, CHUNKED "0\r\nA: ");
    fill(&bytes, 't', 1024);
    expect_buf(&bytes, "refused headers-too-large", "a trailer without end");
    buf_finish(&bytes);
}
