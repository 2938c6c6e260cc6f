#include "client.h"

#include <curl/curl.h>
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
        fputs("seckillctl: out of memory\n", stderr);
        abort();
    }
    return copy;
}

/* Prints what a problem document says; `answer` may be anything. */
static void print_problem(long status, const json_t *answer)
{
    const char *title = json_string_value(json_object_get(answer, "title"));
    const char *detail = json_string_value(json_object_get(answer, "detail"));
    const char *code = json_string_value(json_object_get(answer, "code"));

    fprintf(stderr, "seckillctl: %ld %s%s%s", status, title ? title : "the admin API refused",
            detail ? ": " : "", detail ? detail : "");
    if (code) {
        const bool is_elsewhere = strcmp(code, "not-found") == 0;
        fprintf(stderr, " [%s]%s", code, is_elsewhere ? "; is --url the worker's admin API?" : "");
    }
    fputc('\n', stderr);
}

static json_t *read_answer(CURL *curl, const struct answer *answer)
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
        fprintf(stderr, "seckillctl: the admin API's answer is no JSON: %s\n", error.text);
    } else {
        print_problem(status, root);
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
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        root = read_answer(curl, &answer);
    } else {
        fprintf(stderr, "seckillctl: %s: %s\n", client->url,
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
        fputs("seckillctl: out of memory\n", stderr);
    } else if ((size_t)snprintf(url, sizeof url, "%.*s%s", url_size(client->url), client->url, path)
                   >= sizeof url
               || (size_t)snprintf(authorization, sizeof authorization, "Authorization: Bearer %s",
                                   client->token)
                      >= sizeof authorization) {
        fputs("seckillctl: the URL or the token is too long\n", stderr);
    } else {
        struct curl_slist *headers = curl_slist_append(NULL, authorization);
        headers = curl_slist_append(headers, "Content-Type: application/json");
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
