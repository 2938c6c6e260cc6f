#include "payments/provider.h"

#include "common/assert.h"
#include "domain/notice.h"
#include "payments/fill.h"
#include "payments/provider_kind.h"
#include "payments/text.h"

#include <stdio.h>
#include <stdlib.h>

static const struct row {
    const char *name;
    const struct provider_kind *kind;
    struct provider_answer success, failure;
} rows[] = {
#define PROVIDER(name, status, type, body, failure_type, failure_body)                             \
    {#name, &name##_kind, {status, type, body}, {0, failure_type, failure_body}},
#include "payments/providers.def"
#undef PROVIDER
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

struct provider {
    const struct row *row;
    void *keys; /* owned; NULL: not configured */
};
struct payments {
    struct provider providers[ROW_COUNT];
};

static const struct {
    const char *name, *text;
    int status;
} results[PROVIDER_RESULT_COUNT] = {
#define X(name, label, status, text) [PROVIDER_##name] = {label, text, status},
    PROVIDER_RESULTS(X)
#undef X
};

const char *provider_result_name(enum provider_result result)
{
    ASSERT((unsigned)result < PROVIDER_RESULT_COUNT);
    return results[result].name;
}

int provider_result_status(enum provider_result result)
{
    ASSERT((unsigned)result < PROVIDER_RESULT_COUNT);
    return results[result].status;
}

const char *provider_result_text(enum provider_result result)
{
    ASSERT((unsigned)result < PROVIDER_RESULT_COUNT);
    return results[result].text;
}

enum err payments_create(const struct conf *conf, char error[static PROVIDER_ERROR_SIZE],
                         struct payments **ret_payments)
{
    struct payments *payments = calloc(1, sizeof *payments);
    enum err err = payments ? ERR_OK : ERR_NO_MEMORY;

    for (int i = 0; err == ERR_OK && i < ROW_COUNT; i++) {
        payments->providers[i].row = &rows[i];
        err = rows[i].kind->create(conf, error, &payments->providers[i].keys);
    }
    if (err != ERR_OK) {
        if (err == ERR_NO_MEMORY) {
            (void)snprintf(error, PROVIDER_ERROR_SIZE, "payments: out of memory");
        }
        payments_destroy(payments);
        return err;
    }
    *ret_payments = payments;
    return ERR_OK;
}

void payments_destroy(struct payments *payments)
{
    if (!payments) {
        return;
    }
    for (int i = 0; i < ROW_COUNT; i++) {
        if (payments->providers[i].keys) {
            rows[i].kind->destroy(payments->providers[i].keys);
        }
    }
    free(payments);
}

const struct provider *payments_find(const struct payments *payments, const char *name, size_t size)
{
    struct provider_text wanted = {name, size};

    for (int i = 0; i < ROW_COUNT; i++) {
        if (payments->providers[i].keys && text_is(wanted, rows[i].name)) {
            return &payments->providers[i];
        }
    }
    return NULL;
}

const char *provider_name(const struct provider *provider)
{
    return provider->row->name;
}

enum provider_result provider_read(const struct provider *provider,
                                   const struct provider_request *request,
                                   struct notice *ret_notice)
{
    struct provider_request whole = *request;
    struct notice notice;
    enum provider_result result;

    ASSERT(provider->keys && request->header);
    if (request->body_size > PROVIDER_BODY_SIZE_MAX) {
        return PROVIDER_NOT_SIGNED;
    }
    whole.body = request->body ? request->body : "";
    fill_begin(&notice, provider->row->name, request->now_ms);
    result = provider->row->kind->read(provider->keys, &whole, &notice);
    if (result == PROVIDER_OK) {
        ASSERT(notice_check(&notice) == ERR_OK && notice.kind != NOTICE_KIND_CANCEL);
        *ret_notice = notice;
    }
    return result;
}

struct provider_answer provider_success(const struct provider *provider)
{
    return provider->row->success;
}

struct provider_answer provider_failure(const struct provider *provider)
{
    return provider->row->failure;
}
