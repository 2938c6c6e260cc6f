#include "payments/key_file.h"

#include "common/assert.h"
#include "payments/encoding.h"
#include "payments/text.h"

#include <stdio.h>
#include <string.h>

enum { WHSEC_BYTES_MIN = 24, WHSEC_BYTES_MAX = 64, WHSEC_WHOLE_MIN = 24, WHSEC_WHOLE_MAX = 256 };

static const char whsec[] = "whsec_";

enum err key_file_refuse(const char *setting, const char *what, const char *why,
                         char error[static PROVIDER_ERROR_SIZE])
{
    (void)snprintf(error, PROVIDER_ERROR_SIZE, "configuration: %s: %.300s%s%s", setting, what,
                   what[0] ? " " : "", why);
    return ERR_CONFIG;
}

enum err key_file_list(const char *setting, const char *value, struct key_file_list *ret_list,
                       char error[static PROVIDER_ERROR_SIZE])
{
    struct provider_text rest = {value, strlen(value)}, entry;
    uint32_t count = 0;

    ret_list->count = 0;
    if (rest.size == 0) {
        return ERR_OK;
    }
    while (text_cut(&rest, ',', &entry)) {
        entry = text_trim(entry);
        if (entry.size == 0) {
            return key_file_refuse(setting, "", "an entry of the list is empty", error);
        }
        if (count == SIGNATURE_KEYS_MAX || entry.size > KEY_FILE_PATH_SIZE_MAX) {
            return key_file_refuse(setting, "", "the list has more than 8 entries", error);
        }
        memcpy(ret_list->entries[count], entry.data, entry.size);
        ret_list->entries[count++][entry.size] = '\0';
    }
    ret_list->count = count;
    return ERR_OK;
}

enum err key_file_read(const char *setting, const char *path, struct secret *ret_secret,
                       char error[static PROVIDER_ERROR_SIZE])
{
    enum err err = secret_read(path, 1, ret_secret);

    if (err == ERR_OK) {
        return ERR_OK;
    }
    return key_file_refuse(
        setting, path, err == ERR_RANGE ? "must hold 1 to 4096 bytes" : "cannot be read", error);
}

/* NULL: added. Else why not. */
static const char *add_decoded(struct signature_hmac *hmac, struct provider_text text)
{
    unsigned char key[WHSEC_BYTES_MAX];
    const char *why = NULL;
    size_t size;

    if (!encoding_base64(text, key, sizeof key, &size) || size < WHSEC_BYTES_MIN) {
        why = "must hold whsec_ and the base64 of 24 to 64 bytes";
    } else if (signature_hmac_add(hmac, key, size) != ERR_OK) {
        why = "cannot be kept: out of memory";
    }
    explicit_bzero(key, sizeof key);
    return why;
}

static const char *add_whole(struct signature_hmac *hmac, struct provider_text text)
{
    if (!text_is_visible(text, WHSEC_WHOLE_MIN, WHSEC_WHOLE_MAX)) {
        return "must hold whsec_ and more, 24 to 256 visible characters";
    }
    return signature_hmac_add(hmac, text.data, text.size) == ERR_OK
               ? NULL
               : "cannot be kept: out of memory";
}

static const char *add(struct signature_hmac *hmac, const struct secret *secret,
                       enum key_file_whsec form)
{
    struct provider_text text = {secret->data, secret->size};

    if (!text_begins(text, whsec)) {
        return "does not begin with whsec_";
    }
    switch (form) {
    case KEY_FILE_DECODED:
        text.data += strlen(whsec);
        text.size -= strlen(whsec);
        return add_decoded(hmac, text);
    case KEY_FILE_WHOLE: return add_whole(hmac, text);
    }
    UNREACHABLE();
}

static enum err add_file(struct signature_hmac *hmac, const char *setting, const char *path,
                         enum key_file_whsec form, char error[static PROVIDER_ERROR_SIZE])
{
    struct secret secret;
    const char *why;
    enum err err = key_file_read(setting, path, &secret, error);

    if (err != ERR_OK) {
        return err;
    }
    why = add(hmac, &secret, form);
    secret_wipe(&secret);
    return why ? key_file_refuse(setting, path, why, error) : ERR_OK;
}

enum err key_file_hmac(const char *setting, const char *value, enum key_file_whsec form,
                       char error[static PROVIDER_ERROR_SIZE], struct signature_hmac **ret_hmac)
{
    struct key_file_list list;
    struct signature_hmac *hmac = NULL;
    enum err err = key_file_list(setting, value, &list, error);

    if (err == ERR_OK && list.count > 0) {
        hmac = signature_hmac_create();
        err = hmac ? ERR_OK : ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; err == ERR_OK && i < list.count; i++) {
        err = add_file(hmac, setting, list.entries[i], form, error);
    }
    if (err != ERR_OK) {
        signature_hmac_destroy(hmac);
        return err;
    }
    *ret_hmac = hmac;
    return ERR_OK;
}

enum err key_file_rsa(const char *setting, const char *path, char error[static PROVIDER_ERROR_SIZE],
                      struct signature_rsa **ret_key)
{
    struct secret file;
    struct signature_rsa *key;
    const char *why;
    enum err err = key_file_read(setting, path, &file, error);

    if (err != ERR_OK) {
        return err;
    }
    key = signature_rsa_read(file.data, file.size, &why);
    secret_wipe(&file);
    if (!key) {
        return key_file_refuse(setting, path, why, error);
    }
    *ret_key = key;
    return ERR_OK;
}
