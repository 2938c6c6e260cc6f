#include "common/err.h"

#include "common/assert.h"

static const char *const texts[ERR_COUNT] = {
#define ERR(name, code, text) [ERR_##name] = text,
#include "common/err.def"
#undef ERR
};

static const char *const names[ERR_COUNT] = {
#define ERR(name, code, text) [ERR_##name] = code,
#include "common/err.def"
#undef ERR
};

const char *err_text(enum err err)
{
    ASSERT((unsigned)err < ERR_COUNT);
    return texts[err];
}

const char *err_name(enum err err)
{
    ASSERT((unsigned)err < ERR_COUNT);
    return names[err];
}
