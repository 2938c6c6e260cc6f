/* key_file: the files that payments.* settings name.
 * Why:    one way to name several files, and one kind of line when one cannot be used.
 * Never:  puts what it read into an error; leaves a secret in memory.
 * Thread: init. */
#pragma once

#include "common/secret.h"
#include "payments/provider.h"
#include "payments/signature.h"

enum { KEY_FILE_PATH_SIZE_MAX = 511 };

/* Entries of a list with commas, blanks around them dropped. */
struct key_file_list {
    uint32_t count;
    char entries[SIGNATURE_KEYS_MAX][KEY_FILE_PATH_SIZE_MAX + 1];
};
/* ERR_CONFIG: an entry is empty, or there are too many. An empty value has no entries. */
MUST_CHECK enum err key_file_list(const char *setting, const char *value,
                                  struct key_file_list *ret_list,
                                  char error[static PROVIDER_ERROR_SIZE]);
/* Writes "configuration: <setting>: <what> <why>"; ERR_CONFIG. `what` may be "". */
MUST_CHECK enum err key_file_refuse(const char *setting, const char *what, const char *why,
                                    char error[static PROVIDER_ERROR_SIZE]);
/* The bytes of a file, one newline at the end dropped; the caller wipes them. ERR_CONFIG. */
MUST_CHECK enum err key_file_read(const char *setting, const char *path, struct secret *ret_secret,
                                  char error[static PROVIDER_ERROR_SIZE]);

/* Which bytes of the text "whsec_…" are the key of the HMAC. */
enum key_file_whsec {
    KEY_FILE_DECODED, /* what is encoded in base64 behind the prefix, 24 to 64 bytes */
    KEY_FILE_WHOLE,   /* the text as it is, with its prefix */
};
/* All files of the list, each with one "whsec_…". ERR_OK with NULL: the list is empty. */
MUST_CHECK enum err key_file_hmac(const char *setting, const char *value, enum key_file_whsec form,
                                  char error[static PROVIDER_ERROR_SIZE],
                                  struct signature_hmac **ret_hmac);
/* A public key or certificate in PEM. */
MUST_CHECK enum err key_file_rsa(const char *setting, const char *path,
                                 char error[static PROVIDER_ERROR_SIZE],
                                 struct signature_rsa **ret_key);
