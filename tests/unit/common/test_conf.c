#include "common/conf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conf conf;
static char error[CONF_ERROR_SIZE];

static void begin(void)
{
    conf_init(&conf);
    memset(error, 0, sizeof error);
}

TestSuite(conf, .init = begin);

static enum err load(const char *text)
{
    return conf_load_text(&conf, "test.conf", text, strlen(text), error);
}

Test(conf, refused_files_tell_line_and_key)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"http: {\n port = 0; };", "test.conf:2: http.port must be 1 to 65535"},
        {"http: { port = 65536; };", "test.conf:1: http.port must be 1 to 65535"},
        {"http: { port = -1; };", "test.conf:1: http.port must be 1 to 65535"},
        {"http: { port = 4294967376L; };", "test.conf:1: http.port must be 1 to 65535"},
        {"http: { port = \"80\"; };", "test.conf:1: http.port must be a whole number"},
        {"http: { port = 80.5; };", "test.conf:1: http.port must be a whole number"},
        {"http: { port = [80]; };", "test.conf:1: http.port must be a whole number"},
        {"http: { port = true; };", "test.conf:1: http.port must be a whole number"},
        {"strict = 1;", "test.conf:1: strict must be true or false"},
        {"jwt: { kid = 7; };", "test.conf:1: jwt.kid must be text in double quotes"},
        {"jwt: { kid = \"\"; };", "test.conf:1: jwt.kid must have 1 to 64 characters"},
        {"jwt: { kid = \"a\\tb\"; };", "test.conf:1: jwt.kid has a control character"},
        {"\n\nprot = 80;", "test.conf:3: prot is not a setting"},
        {"http: {\n\n prot = 80; };", "test.conf:3: http.prot is not a setting"},
        {"http: { port: { a = 1; }; };", "test.conf:1: http.port must be a whole number"},
        {"http = 80;", "test.conf:1: http is not a setting"},
        {"http: {\n port = ; };", "test.conf:2: is not well-formed: syntax error"},
        {"http: { port = 1; port = 2; };",
         "test.conf:1: is not well-formed: duplicate setting name"},
        {"a: {\n  \t@include \"/etc/passwd\"\n};", "test.conf:1: @include is not supported"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = 1;",
         "test.conf:1: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is not a "
         "setting"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(load(cases[i].text), ERR_CONFIG, "%s", cases[i].text);
        cr_expect_str_eq(error, cases[i].error, "%s\n%s", error, cases[i].error);
    }
}

Test(conf, a_nul_byte_is_refused)
{
    cr_assert_eq(conf_load_text(&conf, "test.conf", "\0", 1, error), ERR_CONFIG);
    cr_assert_str_eq(error, "test.conf:1: the file holds a NUL byte");
}

Test(conf, a_huge_file_is_refused)
{
    size_t size = CONF_FILE_SIZE_MAX + 1;
    char *text = malloc(size);

    memset(text, ' ', size);
    cr_assert_eq(conf_load_text(&conf, "test.conf", text, size, error), ERR_CONFIG);
    cr_assert_str_eq(error, "test.conf:1: the file is larger than 64 KiB");
    cr_assert_eq(conf_load_text(&conf, "test.conf", text, size - 1, error), ERR_OK);
    free(text);
}

Test(conf, a_missing_file_is_refused)
{
    cr_assert_eq(conf_load_file(&conf, "/nonexistent.conf", error), ERR_CONFIG);
    cr_assert_str_eq(error, "/nonexistent.conf: cannot be opened: No such file or directory");
}

Test(conf, a_directory_is_refused)
{
    cr_assert_eq(conf_load_file(&conf, "/tmp", error), ERR_CONFIG);
    cr_assert_str_eq(error, "/tmp: cannot be read: Is a directory");
}

Test(conf, refused_assignments_tell_why)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"", "--set : not of the form key=value"},
        {"http.port", "--set http.port: not of the form key=value"},
        {"http.prot=1", "--set: http.prot is not a setting"},
        {"=1", "--set:  is not a setting"},
        {"http.port=", "--set: http.port must be a whole number"},
        {"http.port=+80", "--set: http.port must be a whole number"},
        {"http.port=0x50", "--set: http.port must be a whole number"},
        {"http.port=80 ", "--set: http.port must be a whole number"},
        {"http.port=99999999999999999999", "--set: http.port must be a whole number"},
        {"http.port=9999999999", "--set: http.port must be 1 to 65535"},
        {"http.port=65536", "--set: http.port must be 1 to 65535"},
        {"strict=yes", "--set: strict must be true or false"},
        {"jwt.kid=", "--set: jwt.kid must have 1 to 64 characters"},
        {"jwt.kid=a\nb", "--set: jwt.kid has a control character"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(conf_set(&conf, cases[i].text, error), ERR_CONFIG, "%s", cases[i].text);
        cr_expect_str_eq(error, cases[i].error, "%s\n%s", error, cases[i].error);
    }
}

Test(conf, an_endless_key_is_not_a_setting)
{
    char text[5000];

    memset(text, 'k', sizeof text);
    text[sizeof text - 3] = '=';
    text[sizeof text - 1] = '\0';
    cr_assert_eq(conf_set(&conf, text, error), ERR_CONFIG);
    cr_assert(strlen(error) < 200);
}

Test(conf, refused_environment_tells_the_name)
{
    char *unknown[] = {"PATH=/bin", "SECKILL_CONF_HTTP__PROT=1", NULL};
    char *bad[] = {"SECKILL_CONF_HTTP__PORT=x", NULL};
    char *endless[] = {
        "SECKILL_CONF_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAA=1",
        NULL};

    cr_assert_eq(conf_load_environment(&conf, unknown, error), ERR_CONFIG);
    cr_assert_str_eq(error, "environment: SECKILL_CONF_HTTP__PROT is not a setting");
    cr_assert_eq(conf_load_environment(&conf, bad, error), ERR_CONFIG);
    cr_assert_str_eq(error, "environment: SECKILL_CONF_HTTP__PORT must be a whole number");
    cr_assert_eq(conf_load_environment(&conf, endless, error), ERR_CONFIG);
}

Test(conf, environment_overrides)
{
    char *environment[] = {"PATH=/bin",
                           "SECKILL_CONF_HTTP__PORT=81",
                           "SECKILL_CONF_STRICT=true",
                           "SECKILL_CONF_REDIS__CONNECT_TIMEOUT_MS=77",
                           "SECKILL_CONF_JWT__KID=a=b",
                           "SECKILL_CONF_NOTHING",
                           NULL};

    cr_assert_eq(conf_load_environment(&conf, environment, error), ERR_OK, "%s", error);
    cr_assert_eq(conf.http_port, 81);
    cr_assert(conf.strict);
    cr_assert_eq(conf.redis_connect_timeout_ms, 77);
    cr_assert_str_eq(conf.jwt_kid, "a=b");
}

Test(conf, file_sets_what_it_names_and_leaves_the_rest)
{
    uint32_t before = conf.http_reactors;

    cr_assert_eq(load("strict = true;\nhttp: { port = 80; host = \"shop.example\"; };\n"
                      "jwt: { kid = \"k1\"; };"),
                 ERR_OK, "%s", error);
    cr_assert(conf.strict);
    cr_assert_eq(conf.http_port, 80);
    cr_assert_str_eq(conf.http_host, "shop.example");
    cr_assert_str_eq(conf.jwt_kid, "k1");
    cr_assert_eq(conf.http_reactors, before);
}

Test(conf, an_empty_file_is_all_defaults)
{
    struct conf defaults;

    memset(&defaults, 0, sizeof defaults);
    conf_init(&defaults);
    cr_assert_eq(load(""), ERR_OK);
    cr_assert_eq(load("# nothing\n"), ERR_OK);
    cr_assert_arr_eq(&conf, &defaults, sizeof conf);
}

Test(conf, set_overrides)
{
    cr_assert_eq(conf_set(&conf, "http.port=65535", error), ERR_OK);
    cr_assert_eq(conf_set(&conf, "strict=true", error), ERR_OK);
    cr_assert_eq(conf_set(&conf, "strict=false", error), ERR_OK);
    cr_assert_eq(conf_set(&conf, "jwt.kid=x=y", error), ERR_OK);
    cr_assert_eq(conf.http_port, 65535);
    cr_assert_not(conf.strict);
    cr_assert_str_eq(conf.jwt_kid, "x=y");
}

/* What a writer writes, as text; freed by the caller. */
static char *written(void (*write_to)(FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (write_to) {
        write_to(out);
    } else {
        conf_write_values(&conf, out);
    }
    fclose(out);
    return text;
}

static const char *const keys[] = {
#define CONF(key, field, type, text, min, max, reload, help) key,
#include "common/conf.def"
#undef CONF
};

Test(conf, docs_name_every_setting)
{
    char *text = written(conf_write_docs);

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char cell[128];

        snprintf(cell, sizeof cell, "| `%s` |", keys[i]);
        cr_expect_not_null(strstr(text, cell), "%s", keys[i]);
    }
    cr_assert_not_null(strstr(text, "| `http.port` | `8080` | 1 to 65535 | start |"));
    free(text);
}

/* The sample with its comment signs taken away is a file that sets every default again. */
Test(conf, the_sample_is_a_valid_file)
{
    char *text = written(conf_write_sample), *out = text;
    struct conf defaults = conf;
    bool line_start = true;

    memset(&conf, 0, sizeof conf);
    conf_init(&conf);
    for (char *in = text; *in; in++) {
        if (line_start && (*in == ' ' || *in == '#')) {
            if (*in == '#' && in[1] != ' ') {
                line_start = false;
                continue;
            }
            line_start = *in == ' ';
        } else {
            line_start = *in == '\n';
        }
        *out++ = *in;
    }
    *out = '\0';
    cr_assert_not_null(strstr(text, "\n    port = 8080;"), "%s", text);
    cr_assert_eq(load(text), ERR_OK, "%s", error);
    cr_assert_arr_eq(&conf, &defaults, sizeof conf);
    free(text);
}

Test(conf, values_hide_secrets)
{
    char *text;

    cr_assert_eq(conf_set(&conf, "mysql.password=hunter2", error), ERR_OK);
    cr_assert_eq(conf_set(&conf, "jwt.secret_file=/etc/secret", error), ERR_OK);
    text = written(NULL);
    cr_assert_null(strstr(text, "hunter2"));
    cr_assert_not_null(strstr(text, "mysql.password = \"***\"\n"));
    cr_assert_not_null(strstr(text, "redis.password = \"\"\n"));
    cr_assert_not_null(strstr(text, "jwt.secret_file = \"/etc/secret\"\n"));
    cr_assert_not_null(strstr(text, "http.port = 8080\n"));
    cr_assert_not_null(strstr(text, "strict = false\n"));
    free(text);
}

Test(conf, a_file_is_read)
{
    char path[] = "/tmp/seckill-conf-XXXXXX";
    int fd = mkstemp(path);

    cr_assert_eq(write(fd, "strict = true;", 14), 14);
    close(fd);
    cr_assert_eq(conf_load_file(&conf, path, error), ERR_OK, "%s", error);
    cr_assert(conf.strict);
    unlink(path);
}

/* After a change of conf.def: seckilld --print-sample > deploy/seckill.conf */
Test(conf, the_installed_sample_is_up_to_date)
{
    char *text = written(conf_write_sample);
    char *file = calloc(1, CONF_FILE_SIZE_MAX);
    FILE *in = fopen(SOURCE_ROOT "/deploy/seckill.conf", "r");

    cr_assert_not_null(in);
    cr_assert_gt(fread(file, 1, CONF_FILE_SIZE_MAX - 1, in), 0);
    cr_assert_str_eq(file, text);
    fclose(in);
    free(file);
    free(text);
}
