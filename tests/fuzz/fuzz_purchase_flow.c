/* One engine's whole way of a purchase, from the bytes of requests to the answers, on fakes:
 * parser, router, identity, gate, board, purchases and outbox are the real ones; Redis, Kafka,
 * other engines and time do what the bytes say. Every answer is held against the promise
 * (support/purchase_world.h).
 *
 * A byte below 0xe0 is an event, and some of what follows may be its choices. 0xff begins bytes of
 * a client, up to the next 0xff; in them 1 to 8 stand for what nobody guesses (texts below). The
 * rest: 0xfe the connection is cut, 0xfd the catalogue is read, 0xfc the link to Redis goes or
 * comes, 0xfb drain begins, 0xfa Kafka goes or comes, others a new turn. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/identity.h"
#include "api/api_orders.h"
#include "api/api_reply.h"
#include "common/assert.h"
#include "common/log.h"
#include "http/http_parser.h"
#include "http/http_router.h"
#include "inventory/outbox.h"
#include "loop/loop.h"
#include "purchase/sale_board.h"
#include "support/fakes/fake_http.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_order_log.h"
#include "support/fakes/fake_redis.h"
#include "support/fakes/fake_stock.h"
#include "support/purchase_world.h"

enum { EVENTS = 0xe0, EXCHANGES_MAX = 512, INPUT_SIZE_MAX = 1024 };

/* HS256 of {"alg":"HS256","typ":"JWT","kid":"k1"} and {"sub":"u","iss":"shop","aud":"seckill",
 * "exp":4102444800}, then "v" and "w". */
#define HEAD "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.eyJzdWIiOiJ"
#define TAIL "IiwiaXNzIjoic2hvcCIsImF1ZCI6InNlY2tpbGwiLCJleHAiOjQxMDI0NDQ4MDB9."
static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char *const texts[] = {
    NULL,
    "POST /v1/sales/7/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n",
    "Authorization: Bearer " HEAD "1" TAIL "GNpNuWue6vGdrEdMAe-XdSq5QXcJenC_b_s8fasByMk\r\n",
    "Authorization: Bearer " HEAD "2" TAIL "eLTF0eL2sAG2C-uYGZjJyvbNQfdxuYjwi3yfXhKP1V4\r\n",
    "Authorization: Bearer " HEAD "3" TAIL "IWY4Cv9n-bBvGao-Zi6qOgkflWTyo2A4NnGwURrsXT4\r\n",
    "Idempotency-Key: \"the-first-of-the-keys\"\r\n",
    "Idempotency-Key: the-second-of-the-keys\r\n",
    "Content-Length: 11\r\n\r\n{\"sku\":\"a\"}",
    "Content-Length: 24\r\n\r\n{\"sku\":\"b\",\"quantity\":2}",
};
enum { TEXTS = sizeof texts / sizeof *texts };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

/* A request in work, and what becomes of it. */
struct asked {
    struct flow *flow;
    struct world_ask *ask;          /* NULL: no purchase was begun */
    struct http_exchange *exchange; /* dead once it is answered */
    bool is_answered;
};

struct flow {
    struct input input;
    struct purchase_world *world;
    struct identity *identity;
    struct http_router *router;
    struct api_reply reply;
    struct sale_board *board;
    struct api_orders *orders;
    struct http_parser parser;
    char bytes[HTTP_PARSER_BUFFER_SIZE]; /* of the connection */
    size_t byte_count;
    struct asked asked[EXCHANGES_MAX];
    uint32_t asked_count;
    uint64_t revision;
    bool is_draining;
};

/* After the last byte everything takes its first choice. */
static uint32_t next_choice(void *arg, uint32_t n)
{
    struct input *input = arg;

    return input->at < input->end ? *input->at++ % n : 0;
}

/* --- answers */

static enum outcome outcome_of(const struct fake_answer *answer)
{
    if (answer->status == 201) {
        return answer->is_replay ? OUTCOME_REPLAYED : OUTCOME_ACCEPTED;
    }
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        if (strcmp(outcome_code(outcome), answer->code) == 0) {
            ASSERT(outcome_http_status(outcome) == answer->status);
            return outcome;
        }
    }
    return OUTCOME_COUNT;
}

static void on_answered(void *arg, const struct fake_answer *answer)
{
    struct asked *asked = arg;
    enum outcome outcome = outcome_of(answer);

    ASSERT(!asked->is_answered);
    asked->is_answered = true;
    if (asked->ask != NULL) {
        ASSERT(outcome < OUTCOME_COUNT);
        world_told(asked->ask, outcome, answer->order_no);
        return;
    }
    /* Nothing was begun: nobody can have won, and nothing can be unknown. */
    ASSERT(outcome != OUTCOME_ACCEPTED && outcome != OUTCOME_REPLAYED);
    ASSERT(outcome != OUTCOME_OUTCOME_UNKNOWN);
}

/* --- requests */

static void dispatch(struct flow *flow, struct http_request *request)
{
    static const struct traceparent no_trace;
    struct http_router_match match = http_router_find(flow->router, request);
    const struct purchase_world *world = flow->world;
    int64_t now_us = loop_clock_us(world->loop);
    bool has_room =
        world->redis->is_up && !world->log->is_unready && !outbox_is_full(world->outbox);

    if (match.route == NULL || world->is_muted || flow->asked_count == EXCHANGES_MAX
        || world->ask_count == WORLD_ASKS_MAX) {
        return;
    }
    struct asked *asked = &flow->asked[flow->asked_count++];
    *asked = (struct asked){.flow = flow,
                            .exchange = fake_http_exchange(now_us, &no_trace, on_answered, asked)};
    match.route->handler(match.route->arg, asked->exchange, request);
    asked->ask = world_take_in(flow->world, now_us + WORLD_D_MS * INT64_C(1000));
    ASSERT((asked->ask == NULL) == asked->is_answered);
    ASSERT(asked->ask == NULL || (has_room && !flow->is_draining));
}

static void cut_connection(struct flow *flow)
{
    http_parser_begin(&flow->parser, HTTP_PARSER_BODY_MAX);
    flow->byte_count = 0;
}

static void parse(struct flow *flow)
{
    for (;;) {
        struct http_request request = {0};

        switch (http_parser_run(&flow->parser, flow->bytes, flow->byte_count)) {
        case HTTP_PARSER_MORE:
            flow->byte_count = http_parser_compact(&flow->parser, flow->bytes, flow->byte_count);
            return;
        case HTTP_PARSER_REFUSED: cut_connection(flow); return;
        case HTTP_PARSER_DONE:
            http_parser_request(&flow->parser, flow->bytes, &request);
            dispatch(flow, &request);
            flow->byte_count -= flow->parser.at;
            memmove(flow->bytes, flow->bytes + flow->parser.at, flow->byte_count);
            http_parser_begin(&flow->parser, HTTP_PARSER_BODY_MAX);
            break;
        }
    }
}

static void receive_bytes(struct flow *flow, const char *bytes, size_t size)
{
    while (size > 0) {
        size_t room = sizeof flow->bytes - flow->byte_count;
        size_t piece = size < room ? size : room;

        ASSERT(piece > 0);
        memcpy(flow->bytes + flow->byte_count, bytes, piece);
        flow->byte_count += piece;
        parse(flow);
        bytes += piece;
        size -= piece;
    }
}

/* A piece of a connection's bytes. */
static void receive(struct flow *flow)
{
    struct input *input = &flow->input;

    while (input->at < input->end && *input->at != 0xff) {
        uint8_t byte = *input->at++;

        if (byte > 0 && byte < TEXTS) {
            receive_bytes(flow, texts[byte], strlen(texts[byte]));
        } else {
            receive_bytes(flow, (const char *)&byte, 1);
        }
    }
    input->at += input->at < input->end;
}

/* --- what else happens */

static void tell_catalogue(struct flow *flow)
{
    struct sale_definition definition = {.sale = {MODEL_SALE},
                                         .epoch = flow->world->model.epoch,
                                         .currency = "CNY",
                                         .closes_ms = INT64_MAX,
                                         .limit = flow->world->model.limit,
                                         .pay_window_ms = WORLD_PAY_MS,
                                         .times = {.deadline_ms = WORLD_D_MS, .lease_ms = 1000},
                                         .sku_count = MODEL_SKUS};
    struct catalogue_read read = {.status = CATALOGUE_OK,
                                  .revision = ++flow->revision,
                                  .count = 1,
                                  .definitions = &definition};

    for (uint32_t i = 0; i < MODEL_SKUS; i++) {
        definition.skus[i] = (struct sale_sku){flow->world->model.skus[i], WORLD_PRICE, 100};
    }
    if (flow->world->redis->catalogue_done != NULL) {
        fake_redis_tell_catalogue(flow->world->redis, ERR_OK, &read);
    }
}

static void step(struct flow *flow)
{
    struct purchase_world *world = flow->world;
    uint8_t byte = *flow->input.at++;

    if (byte < EVENTS) {
        world_event(world, byte);
        return;
    }
    switch (byte) {
    case 0xff: receive(flow); return;
    case 0xfe: cut_connection(flow); return;
    case 0xfd: tell_catalogue(flow); return;
    case 0xfc: world->redis->is_up = !world->redis->is_up; return;
    case 0xfb: flow->is_draining = true; return;
    case 0xfa: world->log->is_unready = !world->log->is_unready; return;
    default: fake_loop_advance_us(world->loop, byte); return;
    }
}

/* --- a flow */

static void on_view(void *arg, const struct sale_view *view)
{
    struct flow *flow = arg;

    sale_board_see(flow->board, view);
}

static void on_scan_wanted(void *arg, const struct scan_wish *wish)
{
    (void)arg;
    (void)wish;
}

static void make_identity(struct flow *flow)
{
    const struct identity_key key = {"k1", IDENTITY_ALGORITHM_HS256, secret, sizeof secret - 1};
    const struct identity_options options = {
        .keys = &key, .key_count = 1, .issuer = "shop", .audience = "seckill", .leeway_s = 60};
    char error[IDENTITY_ERROR_SIZE];

    ASSERT(identity_create(&options, error, &flow->identity) == ERR_OK);
}

static void begin(struct flow *flow)
{
    struct purchase_world *world = flow->world;
    struct http_route routes[API_ORDERS_ROUTES];
    const struct http_route *bad;

    world_begin(world);
    flow->board = sale_board_create(&(struct sale_board_options){.loop = world->loop,
                                                                 .link = world->redis,
                                                                 .stock = world->stock,
                                                                 .outbox = world->outbox,
                                                                 .poll_ms = 200,
                                                                 .catalogue_ms = 500,
                                                                 .ack_ms = 100,
                                                                 .sales_max = 4,
                                                                 .bloom_error_ppm = 1000,
                                                                 .on_scan_wanted = on_scan_wanted});
    flow->orders = api_orders_create(&(struct api_orders_options){.loop = world->loop,
                                                                  .reply = &flow->reply,
                                                                  .identity = flow->identity,
                                                                  .board = flow->board,
                                                                  .purchases = world->purchases,
                                                                  .link = world->redis,
                                                                  .outbox = world->outbox,
                                                                  .order_log = world->log,
                                                                  .is_draining = &flow->is_draining,
                                                                  .unreported_max_ms = 2000});
    ASSERT(flow->board != NULL && flow->orders != NULL);
    api_orders_routes(flow->orders, routes);
    flow->router = http_router_create(routes, API_ORDERS_ROUTES, &bad);
    ASSERT(flow->router != NULL);
    flow->asked_count = 0;
    flow->is_draining = false;
    cut_connection(flow);
    fake_loop_advance_us(world->loop, 1000); /* the first read of the catalogue is sent */
}

static void end(struct flow *flow)
{
    world_end(flow->world);
    if (flow->world->broken != NULL) {
        fprintf(stderr, "promise: %s\n", flow->world->broken);
    }
    ASSERT(flow->world->broken == NULL);
    for (uint32_t i = 0; i < flow->asked_count; i++) {
        if (!flow->asked[i].is_answered) { /* they died with their server */
            ASSERT(flow->world->is_muted);
            free(flow->asked[i].exchange);
        }
    }
    http_router_destroy(flow->router);
    api_orders_destroy(flow->orders);
    sale_board_destroy(flow->board);
}

/* What outlives an input: keys, fakes, texts. */
static struct flow *the_flow(void)
{
    static struct flow flow;

    if (flow.world == NULL) {
        log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1)); /* what is played is no incident */
        flow.world = world_create(next_choice, &flow.input);
        flow.world->on_view = on_view;
        flow.world->view_arg = &flow;
        make_identity(&flow);
        api_reply_init(&flow.reply);
    }
    return &flow;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flow *flow = the_flow();

    if (size > INPUT_SIZE_MAX) {
        return 0;
    }
    flow->input = (struct input){data, data + size};
    begin(flow);
    while (flow->input.at < flow->input.end) {
        step(flow);
    }
    end(flow);
    return 0;
}
