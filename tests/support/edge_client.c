#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/edge.h"

static int connect_with(const struct edge *edge, int receive_buffer)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(edge->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval deadline = {.tv_sec = EDGE_DEADLINE_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0);
    if (receive_buffer > 0) {
        cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer)
                  == 0);
    }
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline) == 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "%s", strerror(errno));
    return fd;
}

int edge_connect(const struct edge *edge)
{
    return connect_with(edge, 0);
}

int edge_connect_narrow(const struct edge *edge)
{
    return connect_with(edge, 2048);
}

int edge_start_narrow(struct edge *edge, const struct http_server_options *options)
{
    edge_start(edge, options);
    edge->big_size = 6 * 1024 * 1024;
    return edge_connect_narrow(edge);
}

void edge_send_bytes(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

        cr_assert(sent > 0, "send: %s", strerror(errno));
        data += sent;
        size -= (size_t)sent;
    }
}

void edge_send(int fd, const char *text)
{
    edge_send_bytes(fd, text, strlen(text));
}

static void receive_exactly(int fd, char *data, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(fd, data, size, 0);

        cr_assert(got > 0, "recv: %s", got == 0 ? "end" : strerror(errno));
        data += got;
        size -= (size_t)got;
    }
}

static void receive_head(int fd, struct edge_reply *reply)
{
    size_t size = 0;

    do {
        cr_assert(size + 1 < sizeof reply->head);
        receive_exactly(fd, reply->head + size, 1);
        size++;
        reply->head[size] = '\0';
    } while (size < 4 || memcmp(reply->head + size - 4, "\r\n\r\n", 4) != 0);
    cr_assert(strncmp(reply->head, "HTTP/1.1 ", 9) == 0, "%s", reply->head);
    reply->status = (int)strtol(reply->head + 9, NULL, 10);
}

void edge_receive(int fd, bool no_body, struct edge_reply *ret_reply)
{
    char length[32];

    *ret_reply = (struct edge_reply){0};
    receive_head(fd, ret_reply);
    if (!no_body && edge_reply_field(ret_reply, "Content-Length", length, sizeof length)) {
        ret_reply->body_size = strtoul(length, NULL, 10);
    }
    ret_reply->body = calloc(1, ret_reply->body_size + 1);
    receive_exactly(fd, ret_reply->body, ret_reply->body_size);
}

void edge_reply_finish(struct edge_reply *reply)
{
    free(reply->body);
    reply->body = NULL;
}

bool edge_reply_field(const struct edge_reply *reply, const char *name, char *value, size_t size)
{
    char start[64];
    const char *at;
    size_t length;

    snprintf(start, sizeof start, "\r\n%s: ", name);
    at = strstr(reply->head, start);
    if (!at) {
        return false;
    }
    at += strlen(start);
    length = strcspn(at, "\r");
    cr_assert(length < size);
    memcpy(value, at, length);
    value[length] = '\0';
    return true;
}

void edge_expect(int fd, int status, const char *body)
{
    struct edge_reply reply;

    edge_receive(fd, false, &reply);
    cr_assert(reply.status == status, "wanted %d: %s%s", status, reply.head, reply.body);
    if (body) {
        cr_assert_str_eq(reply.body, body);
    }
    edge_reply_finish(&reply);
}

void edge_expect_end(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);

    cr_assert(got == 0, "wanted the end, got %zd (%s)", got, got < 0 ? strerror(errno) : "a byte");
}

void edge_expect_refused(const struct edge *edge, const char *text, int status, const char *code)
{
    int fd = edge_connect(edge);
    char wanted[96];
    char value[64];
    struct edge_reply reply;

    edge_send(fd, text);
    edge_receive(fd, false, &reply);
    snprintf(wanted, sizeof wanted, "\"code\":\"%s\"", code);
    cr_assert(reply.status == status && strstr(reply.body, wanted), "wanted %d %s: %s%s", status,
              code, reply.head, reply.body);
    cr_assert(edge_reply_field(&reply, "Connection", value, sizeof value)
              && strcmp(value, "close") == 0);
    edge_reply_finish(&reply);
    edge_expect_end(fd);
    close(fd);
}

void edge_exchange(const struct edge *edge, const char *text, int status, const char *body)
{
    int fd = edge_connect(edge);

    edge_send(fd, text);
    edge_expect(fd, status, body);
    close(fd);
}
