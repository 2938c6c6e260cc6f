/* sale_board.c: replies come in by sale_board_see(), the catalogue by on_catalogue(); a timer polls
 * what is hot and sends acknowledgements that found no call to ride on. */
#include "purchase/sale_board.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/catalogue.h"
#include "inventory/outbox.h"
#include "inventory/redis_link.h"
#include "loop/loop.h"
#include "loop/timer.h"

enum {
    BELIEF_US = 1000000,     /* life of "absent", and of what GET tells as left */
    HOT_US = 1000000,        /* a sale that was asked for is polled for so long */
    SCAN_AGAIN_US = 1000000, /* a wish for a scan is told again after this */
    WAITERS_MAX = 1024,
    FULL_READ_EVERY =
        16, /* every so many reads the whole catalogue is read, whatever its revision */
};

struct sale_board {
    struct loop *loop; /* borrowed, like the next four */
    struct redis_link *link;
    struct stock *stock;
    struct outbox *outbox;
    struct metrics_shard *shard;  /* or NULL */
    struct sale_table *table;     /* owned */
    struct sale_waiters *waiters; /* owned */
    struct board_sale *hot;       /* asked for within the last second */
    int64_t poll_us, ack_us;
    uint32_t tick_ms, catalogue_ms;
    struct timer tick, catalogue_timer;
    void (*on_scan_wanted)(void *arg, const struct scan_wish *wish);
    void *scan_arg;

    bool is_reading;   /* a catalogue read is under way */
    uint64_t revision; /* 0: none known */
    uint32_t read_count;
    int64_t read_sent_us;
    int64_t confirmed_us; /* when the read was sent that confirmed it; 0: none on this link */
    bool is_rebuilding;
    bool is_incomplete;        /* some definition could not be taken: nothing is surely absent */
    uint32_t unreadable_count; /* these are there, but cannot be told */
    struct sale_id unreadable[CATALOGUE_UNREADABLE_MAX];
    uint64_t told_revision; /* whose unreadable ones are in the log */
};

static void leave_hot(struct board_sale *sale)
{
    if (sale->hot_prev == NULL) {
        return;
    }
    *sale->hot_prev = sale->hot_next;
    if (sale->hot_next != NULL) {
        sale->hot_next->hot_prev = sale->hot_prev;
    }
    sale->hot_prev = NULL;
    sale->hot_next = NULL;
}

static void mark_asked(struct sale_board *board, struct board_sale *sale)
{
    sale->asked_us = loop_now_us(board->loop);
    if (sale->hot_prev != NULL) {
        return;
    }
    sale->hot_next = board->hot;
    sale->hot_prev = &board->hot;
    if (sale->hot_next != NULL) {
        sale->hot_next->hot_prev = &sale->hot_next;
    }
    board->hot = sale;
}

static bool is_unreadable(const struct sale_board *board, struct sale_id sale)
{
    for (uint32_t i = 0; i < board->unreadable_count; i++) {
        if (board->unreadable[i].value == sale.value) {
            return true;
        }
    }
    return false;
}

static bool is_absence_believed(const struct sale_board *board, struct sale_id sale)
{
    return !board->is_rebuilding && !board->is_incomplete && board->confirmed_us != 0
           && board->confirmed_us > loop_clock_us(board->loop) - BELIEF_US
           && !is_unreadable(board, sale);
}

enum gate_sale sale_board_ask(struct sale_board *board, struct sale_id sale,
                              struct board_sale **ret_sale)
{
    struct board_sale *found = sale_table_find(board->table, sale);

    if (found == NULL) {
        return is_absence_believed(board, sale) ? GATE_SALE_ABSENT : GATE_SALE_UNSURE;
    }
    mark_asked(board, found);
    *ret_sale = found;
    return GATE_SALE_KNOWN;
}

struct board_sale *sale_board_look(struct sale_board *board, struct sale_id sale)
{
    return sale_table_get(board->table, sale);
}

int sale_board_find_sku(struct sale_board *board, const struct board_sale *sale,
                        const struct sku *sku)
{
    return sale_table_find_sku(board->table, sale, sku);
}

bool sale_board_is_fresh(const struct sale_board *board, const struct board_sale *sale)
{
    return sale->view.epoch == sale->epoch
           && sale->view.sent_us > loop_clock_us(board->loop) - BELIEF_US;
}

static void poll(struct sale_board *board, struct board_sale *sale)
{
    sale->polled_us = loop_now_us(board->loop);
    enum err err = stock_poll(board->stock, sale->definition.sale, sale->epoch);
    (void)err; /* no link: the tick does it again */
}

enum err sale_board_await(struct sale_board *board, struct board_sale *sale, int64_t deadline_us,
                          sale_waiters_fn *done, void *arg)
{
    enum err err = sale_waiters_add(board->waiters, sale->definition.sale, deadline_us, done, arg);
    if (err == ERR_OK) {
        poll(board, sale);
    }
    return err;
}

/* Where the definition has the i-th sku of a reply; replies of a sale mostly have one order. -1:
 * nowhere. */
static int place_of(struct board_sale *sale, uint32_t i, const struct sku *sku)
{
    uint8_t guess = sale->places[i];

    if (guess < sale->definition.sku_count && sku_equal(&sale->definition.skus[guess].sku, sku)) {
        return guess;
    }
    int place = sale_find_sku(&sale->definition, sku);
    if (place >= 0) {
        sale->places[i] = (uint8_t)place;
    }
    return place;
}

/* What the reply said no to. A sku counts as sold out at 0 left, never at "fewer than asked". */
static struct no_kinds take_left(struct board_sale *sale, const struct sale_view *view)
{
    struct no_kinds kinds = {.paused = view->state == SALE_STATE_PAUSED,
                             .ended = view->state == SALE_STATE_ENDED};

    sale->view.known_skus = 0;
    for (uint32_t i = 0; i < view->sku_count; i++) {
        int place = place_of(sale, i, &view->skus[i].sku);
        if (place < 0) {
            continue;
        }
        sale->view.left[place] = view->skus[i].left;
        sale->view.known_skus |= UINT64_C(1) << place;
        if (view->skus[i].left == 0) {
            kinds.skus |= UINT64_C(1) << place;
        }
    }
    return kinds;
}

static void take_head(struct board_sale *sale, const struct sale_view *view)
{
    sale->view.epoch = view->epoch;
    sale->view.version = view->version;
    sale->view.state = view->state;
    sale->view.seq = view->seq;
    sale->view.outbox_first = view->outbox_first;
    sale->view.redis_time_ms = view->redis_time_ms;
    sale->view.sent_us = view->sent_us;
    sale->view.received_us = view->received_us;
    sale->opening = (struct gate_view){.epoch = view->epoch,
                                       .seq = view->seq,
                                       .redis_time_ms = view->redis_time_ms,
                                       .sent_us = view->sent_us};
}

static bool was_scan_asked(const struct board_sale *sale, int64_t now_us)
{
    return sale->scan_version == sale->memory.version
           && sale->scan_asked_us > now_us - SCAN_AGAIN_US
           && no_kinds_cover(&sale->scan_kinds, &sale->memory.kinds);
}

static void wish_scan(struct sale_board *board, struct board_sale *sale)
{
    int64_t now_us = loop_now_us(board->loop);

    if (!sold_out_wants_scan(&sale->memory) || was_scan_asked(sale, now_us)) {
        return;
    }
    sale->scan_kinds = sale->memory.kinds;
    sale->scan_version = sale->memory.version;
    sale->scan_asked_us = now_us;
    struct scan_wish wish = {.sale = sale->definition.sale,
                             .epoch = sale->memory.epoch,
                             .version = sale->memory.version,
                             .kinds = sale->memory.kinds};
    board->on_scan_wanted(board->scan_arg, &wish);
}

void sale_board_see(struct sale_board *board, const struct sale_view *view)
{
    struct board_sale *sale = sale_table_get(board->table, view->sale);
    if (sale == NULL) {
        return;
    }
    switch (view->status) {
    case SALE_VIEW_REBUILDING: sale_waiters_wake(board->waiters, view->sale); break;
    case SALE_VIEW_EPOCH:
        sale_table_adopt(sale, view->epoch);
        sale->polled_us = 0;
        break;
    case SALE_VIEW_OK:
        if (view->epoch == sale->epoch) {
            take_head(sale, view);
            struct no_kinds kinds = take_left(sale, view);
            sold_out_see(&sale->memory, view->epoch, view->version, &kinds, view->sent_us);
            wish_scan(board, sale);
            sale_waiters_wake(board->waiters, view->sale);
        }
        break;
    }
}

void sale_board_offer(struct sale_board *board, const struct winners *winners)
{
    struct board_sale *sale = sale_table_get(board->table, winners->sale);

    if (sale != NULL) {
        (void)sold_out_offer(&sale->memory, winners);
    }
}

static void poll_hot(struct sale_board *board)
{
    int64_t now_us = loop_now_us(board->loop);

    for (struct board_sale *sale = board->hot, *next; sale != NULL; sale = next) {
        next = sale->hot_next;
        if (sale->asked_us <= now_us - HOT_US) {
            leave_hot(sale);
        } else if (sale->view.sent_us <= now_us - board->poll_us
                   && sale->polled_us <= now_us - board->poll_us) {
            poll(board, sale);
        }
    }
}

static void send_acks(void *arg, struct sale_id sale, uint32_t epoch)
{
    struct sale_board *board = arg;

    enum err err = stock_poll(board->stock, sale, epoch);
    (void)err; /* no link: the outbox forgets them at the next one */
}

static void on_tick(void *arg)
{
    struct sale_board *board = arg;

    poll_hot(board);
    outbox_each_overdue_ack(board->outbox, loop_now_us(board->loop) - board->ack_us, send_acks,
                            board);
    timer_start_ms(&board->tick, board->tick_ms);
}

static void on_dropped(void *arg, struct board_sale *sale)
{
    (void)arg;
    leave_hot(sale);
}

/* Once a revision: the same one is read again and again. */
static void tell_unreadable(struct sale_board *board, const struct catalogue_read *read)
{
    if (board->told_revision == read->revision) {
        return;
    }
    board->told_revision = read->revision;
    for (uint32_t i = 0; i < read->unreadable_count; i++) {
        /* Also one whose first load was lost: the worker has put that there, and loads it again. */
        LOG_WARN("catalogue_sale_unreadable", KV_U64("sale", read->unreadable[i].value),
                 KV_STR("next", "the worker's guard loads it; its log says why if it stays"));
    }
    if (read->is_incomplete) {
        LOG_ERROR("catalogue_unreadable", KV_U64("readable", read->count),
                  KV_STR("next", "seckillctl sale recover of any sale writes it again"));
    }
}

/* Everything of a whole catalogue, or what of it fits. */
static void take_catalogue(struct sale_board *board, const struct catalogue_read *read)
{
    board->is_incomplete = read->is_incomplete;
    board->unreadable_count = read->unreadable_count;
    memcpy(board->unreadable, read->unreadable, sizeof board->unreadable);
    tell_unreadable(board, read);
    sale_table_begin(board->table);
    for (uint32_t i = 0; i < read->count; i++) {
        enum err err = sale_table_put(board->table, &read->definitions[i]);
        if (err != ERR_OK) {
            board->is_incomplete = true;
            LOG_ERROR("catalogue_cut", KV_STR("cause", err_name(err)), KV_U64("sales", read->count),
                      KV_STR("next", "raise board.sales_max, or retire sales"));
            break;
        }
    }
    sale_table_end(board->table, loop_now_us(board->loop), on_dropped, board);
}

static void on_catalogue(void *arg, enum err err, const struct catalogue_read *read)
{
    struct sale_board *board = arg;

    board->is_reading = false;
    if (err != ERR_OK) {
        if (err == ERR_PARSE) {
            LOG_ERROR("catalogue_unreadable", KV_STR("next", "load any sale to write it again"));
        }
        return; /* what is known grows old */
    }
    switch (read->status) {
    case CATALOGUE_REBUILDING:
        board->is_rebuilding = true;
        board->revision = 0;
        return;
    case CATALOGUE_OK: take_catalogue(board, read); break;
    case CATALOGUE_UNCHANGED: break;
    }
    board->is_rebuilding = false;
    board->revision = read->revision;
    board->confirmed_us = board->read_sent_us;
}

/* A revision counts up from 1 again after a flush: now and then all is read, whatever it says. */
static void read_catalogue(struct sale_board *board)
{
    if (board->is_reading || !redis_link_is_up(board->link)) {
        return;
    }
    uint64_t known = board->read_count++ % FULL_READ_EVERY == 0 ? 0 : board->revision;
    board->read_sent_us = loop_clock_us(board->loop);
    board->is_reading =
        catalogue_read(board->link, known, on_catalogue, board) == ERR_OK; /* else the timer */
}

static void on_catalogue_timer(void *arg)
{
    struct sale_board *board = arg;

    read_catalogue(board);
    timer_start_ms(&board->catalogue_timer, board->catalogue_ms);
}

/* A new link may lead to another history: nothing that was confirmed on the old one is. */
void sale_board_on_link(struct sale_board *board)
{
    board->confirmed_us = 0;
    board->revision = 0;
    read_catalogue(board);
}

uint32_t sale_board_count(const struct sale_board *board)
{
    return sale_table_count(board->table);
}

struct board_sale *sale_board_at(struct sale_board *board, uint32_t index)
{
    return sale_table_at(board->table, index);
}

int64_t sale_board_catalogue_age_ms(const struct sale_board *board)
{
    if (board->confirmed_us == 0) {
        return -1;
    }
    return (loop_now_us(board->loop) - board->confirmed_us) / 1000;
}

bool sale_board_is_rebuilding(const struct sale_board *board)
{
    return board->is_rebuilding;
}

static uint32_t tick_of(const struct sale_board_options *options)
{
    uint32_t shorter = options->poll_ms < options->ack_ms ? options->poll_ms : options->ack_ms;

    return shorter / 4 < 5 ? 5 : shorter / 4;
}

struct sale_board *sale_board_create(const struct sale_board_options *options)
{
    struct sale_board *board = calloc(1, sizeof *board);
    if (board == NULL) {
        return NULL;
    }
    board->loop = options->loop;
    board->link = options->link;
    board->stock = options->stock;
    board->outbox = options->outbox;
    board->shard = options->shard;
    board->poll_us = (int64_t)options->poll_ms * 1000;
    board->ack_us = (int64_t)options->ack_ms * 1000;
    board->tick_ms = tick_of(options);
    board->catalogue_ms = options->catalogue_ms;
    board->on_scan_wanted = options->on_scan_wanted;
    board->scan_arg = options->scan_arg;
    board->table = sale_table_create(options->sales_max, options->bloom_error_ppm, options->shard);
    board->waiters = sale_waiters_create(options->loop, WAITERS_MAX);
    if (board->table == NULL || board->waiters == NULL) {
        sale_board_destroy(board);
        return NULL;
    }
    timer_init(&board->tick, board->loop, on_tick, board);
    timer_start_ms(&board->tick, board->tick_ms);
    timer_init(&board->catalogue_timer, board->loop, on_catalogue_timer, board);
    timer_start_ms(&board->catalogue_timer, 1);
    return board;
}

void sale_board_destroy(struct sale_board *board)
{
    if (board == NULL) {
        return;
    }
    timer_stop(&board->tick);
    timer_stop(&board->catalogue_timer);
    sale_waiters_destroy(board->waiters);
    sale_table_destroy(board->table);
    free(board);
}
