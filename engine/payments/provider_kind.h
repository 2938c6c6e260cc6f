/* provider_kind: what a provider's file gives to the table of provider.c.
 * Why:    provider.c knows no provider; providers.def names them.
 * Never:  used outside of payments/.
 * Thread: as provider.h says. */
#pragma once

#include "payments/provider.h"

struct provider_kind {
    /* ERR_OK with `*ret_keys` NULL: the configuration names no key of it. ERR_CONFIG with one line
     * in `error`; ERR_NO_MEMORY. What is returned is never changed afterwards. */
    enum err (*create)(const struct conf *conf, char error[static PROVIDER_ERROR_SIZE],
                       void **ret_keys);
    /* The notice has provider, version and times already (fill_begin()). */
    enum provider_result (*read)(const void *keys, const struct provider_request *request,
                                 struct notice *notice);
    void (*destroy)(void *keys); /* wipes; not called with NULL */
};

#define PROVIDER(name, ...) extern const struct provider_kind name##_kind;
#include "payments/providers.def"
#undef PROVIDER
