/* The notices of Alipay. The first byte chooses: a form as it is; or a form without a signature,
 * which is signed here by a reader of its own, so that what stands behind the signature is reached,
 * too. Where that reader and payments/form.c take different things from a form, the signature does
 * not fit: asserted for forms that payments/form.c takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "payment_fuzz.h"
#include "payments/form.h"

enum { FIELDS_MAX = FORM_FIELDS_MAX + 1 };

struct field {
    const char *text; /* name=value, decoded */
    size_t size, name_size;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int by_name(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    size_t size = x->name_size < y->name_size ? x->name_size : y->name_size;
    int order = memcmp(x->text, y->text, size);

    return order ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

static unsigned hex_of(uint8_t c)
{
    return c <= '9' ? c - (unsigned)'0' : (c | 0x20U) - 'a' + 10U;
}

/* Decodes the whole form in place of `to`, a field behind the other. */
static uint32_t split(const uint8_t *data, size_t size, char *to, struct field *fields)
{
    uint32_t count = 0;
    bool in_name = true;

    fields[0] = (struct field){.text = to};
    for (size_t i = 0; i < size && count + 1 < FIELDS_MAX; i++) {
        uint8_t c = data[i];

        if (c == '&') {
            fields[++count] = (struct field){.text = to};
            in_name = true;
            continue;
        }
        if (c == '=' && in_name) {
            fields[count].name_size = fields[count].size;
            in_name = false;
        } else if (c == '%' && size - i > 2) {
            c = (uint8_t)(hex_of(data[i + 1]) << 4 | hex_of(data[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        *to++ = (char)c;
        fields[count].size++;
    }
    return count + 1;
}

static size_t content_of(const uint8_t *data, size_t size, char *content)
{
    static char decoded[PAYMENT_FUZZ_TEXT_MAX];
    struct field fields[FIELDS_MAX];
    uint32_t count = split(data, size, decoded, fields);
    size_t at = 0;

    qsort(fields, count, sizeof fields[0], by_name);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            content[at++] = '&';
        }
        memcpy(content + at, fields[i].text, fields[i].size);
        at += fields[i].size;
    }
    return at;
}

static size_t append_sign(char *body, size_t size, const char *sign)
{
    static const char before[] = "&sign_type=RSA2&sign=", plus[] = "%2B";

    memcpy(body + size, before, sizeof before - 1);
    size += sizeof before - 1;
    for (; *sign; sign++) {
        if (*sign == '+') {
            memcpy(body + size, plus, sizeof plus - 1);
            size += sizeof plus - 1;
        } else {
            body[size++] = *sign;
        }
    }
    return size;
}

static void read_signed(const uint8_t *data, size_t size)
{
    static char content[PAYMENT_FUZZ_TEXT_MAX], body[PAYMENT_FUZZ_TEXT_MAX];
    static struct form form;
    struct payment_fuzz fuzz = {.header_count = 0};
    struct provider_text value;
    size_t content_size = content_of(data, size, content), body_size;
    enum provider_result result;
    bool is_form = form_read((const char *)data, size, &form) && form.count < FORM_FIELDS_MAX - 1
                   && !form_field(&form, "sign", &value) && !form_field(&form, "sign_type", &value);
    bool is_ours = is_form && form_field(&form, "app_id", &value)
                   && value.size == strlen(PAYMENT_FUZZ_APP_ID)
                   && memcmp(value.data, PAYMENT_FUZZ_APP_ID, value.size) == 0;

    memcpy(body, data, size);
    body_size = append_sign(body, size, payment_fuzz_rsa(content, content_size));
    result = payment_fuzz_read(&fuzz, "alipay", body, body_size);
    if (body_size <= PROVIDER_BODY_SIZE_MAX) {
        ASSERT(is_ours == (result != PROVIDER_NOT_SIGNED && result != PROVIDER_BAD_SIGNATURE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 && size < PROVIDER_BODY_SIZE_MAX && data[0] == 's') {
        read_signed(data + 1, size - 1);
    } else if (size > 0) {
        struct payment_fuzz fuzz = {.header_count = 0};

        (void)payment_fuzz_read(&fuzz, "alipay", data + 1, size - 1);
    }
    return 0;
}
