#include "admin_client.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_SIZE = 2048, HEADER_SIZE = 1024, ANSWER_SIZE_MAX = 64 << 20, TIMEOUT_S = 120 };

struct answer {
    char *data; /* owned */
    size_t size;
    bool too_large;
};

static size_t on_data(char *data, size_t one, size_t count, void *arg)
{
    struct answer *answer = arg;
    const size_t size = one * count;

    if (answer->size + size > ANSWER_SIZE_MAX) {
        answer->too_large = true;
        return 0;
    }
    char *grown = realloc(answer->data, answer->size + size + 1);
    if (!grown) {
        return 0;
    }
    answer->data = grown;
    memcpy(answer->data + answer->size, data, size);
    answer->size += size;
    answer->data[answer->size] = '\0';
    return size;
}

char *client_escape(const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *copy = escaped ? strdup(escaped) : NULL;

    curl_free(escaped);
    if (!copy) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return copy;
}

/* One line, when the caller wants any. */
__attribute__((format(printf, 2, 3))) static void tell(const struct client *client,
                                                       const char *format, ...)
{
    va_list arguments;

    if (!client->program) {
        return;
    }
    fprintf(stderr, "%s: ", client->program);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* Tells what a problem document says; `answer` may be anything. */
static void tell_problem(const struct client *client, long status, const json_t *answer)
{
    const char *title = json_string_value(json_object_get(answer, "title"));
    const char *detail = json_string_value(json_object_get(answer, "detail"));
    const char *code = json_string_value(json_object_get(answer, "code"));
    const bool is_elsewhere = code && strcmp(code, "not-found") == 0;

    tell(client, "%ld %s%s%s%s%s%s%s%s%s", status, title ? title : "the admin API refused",
         detail ? ": " : "", detail ? detail : "", code ? " [" : "", code ? code : "",
         code ? "]" : "", is_elsewhere ? "; is " : "", is_elsewhere ? client->url : "",
         is_elsewhere ? " the worker's admin API?" : "");
}

static json_t *read_answer(CURL *curl, const struct client *client, const struct answer *answer)
{
    long status = 0;
    json_error_t error;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    json_t *root =
        json_loadb(answer->data ? answer->data : "", answer->size, JSON_REJECT_DUPLICATES, &error);
    if (status >= 200 && status < 300 && root) {
        return root;
    }
    if (status >= 200 && status < 300) {
        tell(client, "the admin API's answer is no JSON: %s", error.text);
    } else {
        tell_problem(client, status, root);
    }
    json_decref(root);
    return NULL;
}

static json_t *perform(CURL *curl, const struct client *client)
{
    struct answer answer = {0};
    json_t *root = NULL;

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT,
                     client->timeout_s > 0 ? client->timeout_s : (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        root = read_answer(curl, client, &answer);
    } else {
        tell(client, "%s: %s", client->url,
             answer.too_large ? "the answer is too large" : curl_easy_strerror(code));
    }
    free(answer.data);
    return root;
}

/* Without slashes at its end. */
static int url_size(const char *url)
{
    size_t size = strlen(url);

    while (size > 0 && url[size - 1] == '/') {
        size--;
    }
    return (int)size;
}

json_t *client_call(const struct client *client, const char *method, const char *path,
                    const json_t *body)
{
    char url[URL_SIZE];
    char authorization[HEADER_SIZE];
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    CURL *curl = curl_easy_init();
    json_t *root = NULL;

    if (!curl || (body && !text)) {
        tell(client, "out of memory");
    } else if ((size_t)snprintf(url, sizeof url, "%.*s%s", url_size(client->url), client->url, path)
                   >= sizeof url
               || (size_t)snprintf(authorization, sizeof authorization, "Authorization: Bearer %s",
                                   client->token)
                      >= sizeof authorization) {
        tell(client, "the URL or the token is too long");
    } else {
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        headers = *client->token ? curl_slist_append(headers, authorization) : headers;
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        if (text || strcmp(method, "POST") == 0) {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text ? text : "");
        }
        root = perform(curl, client);
        curl_slist_free_all(headers);
    }
    curl_easy_cleanup(curl);
    free(text);
    return root;
}
