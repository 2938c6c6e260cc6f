#include "settle.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 1 << 20, URL_SIZE = 256, TIMEOUT_S = 5 };

struct text {
    char *bytes; /* owned; TEXT_SIZE */
    size_t used;
};

/* The value of the line that begins with `name`; false: there is none. */
static bool find(const char *metrics, const char *name, double *ret_value)
{
    const size_t size = strlen(name);

    for (const char *line = metrics; *line;) {
        if (strncmp(line, name, size) == 0 && line[size] == ' ') {
            char *end = NULL;
            *ret_value = strtod(line + size, &end);
            return end != line + size && *ret_value >= 0;
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return false;
}

bool settle_parse(const char *metrics, struct settle *ret_settle)
{
    double orders, busy_s;

    if (!find(metrics, "seckill_settled_records_total{result=\"new\"}", &orders)
        || !find(metrics, "seckill_settle_duration_seconds_sum", &busy_s)) {
        return false;
    }
    *ret_settle = (struct settle){.orders = (uint64_t)orders, .busy_s = busy_s};
    return true;
}

/* libcurl's way to tell a failure is another size than it gave. */
static size_t on_bytes(char *bytes, size_t one, size_t size, void *arg)
{
    struct text *text = arg;

    (void)one;
    if (text->used + size >= TEXT_SIZE) {
        return 0;
    }
    memcpy(text->bytes + text->used, bytes, size);
    text->used += size;
    text->bytes[text->used] = '\0';
    return size;
}

static CURLcode get(CURL *curl, const char *url, struct text *text)
{
    char full[URL_SIZE];

    snprintf(full, sizeof full, "%s/metrics", url);
    curl_easy_setopt(curl, CURLOPT_URL, full);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
    return curl_easy_perform(curl);
}

bool settle_read(const char *url, struct settle *ret_settle)
{
    struct text text = {.bytes = calloc(1, TEXT_SIZE)};
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    bool good = false;

    if (curl && text.bytes) {
        code = get(curl, url, &text);
        good = code == CURLE_OK && settle_parse(text.bytes, ret_settle);
    }
    if (!good) {
        fprintf(stderr, "seckill-bench: --worker %s: %s\n", url,
                code == CURLE_OK ? "these are not a worker's metrics" : curl_easy_strerror(code));
    }
    curl_easy_cleanup(curl);
    free(text.bytes);
    return good;
}

double settle_rate(const struct settle *before, const struct settle *after)
{
    const double busy_s = after->busy_s - before->busy_s;

    return after->orders > before->orders && busy_s > 0
               ? (double)(after->orders - before->orders) / busy_s
               : 0;
}
