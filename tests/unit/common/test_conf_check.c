#include "common/conf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conf conf;
static char error[CONF_ERROR_SIZE];
static char path[] = "/tmp/seckill-check-XXXXXX";

static void begin(void)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef\n";
    int fd = mkstemp(path);

    cr_assert_eq(write(fd, secret, sizeof secret - 1), (ssize_t)sizeof secret - 1);
    close(fd);
    conf_init(&conf);
    strcat(conf.jwt_secret_file, path);
    strcat(conf.worker_admin_token_file, path);
}

static void end(void)
{
    unlink(path);
}

TestSuite(conf_check, .init = begin, .fini = end);

static void set(const char *assignment)
{
    cr_assert_eq(conf_set(&conf, assignment, error), ERR_OK, "%s", error);
}

static void expect_refused(enum conf_role role, const char *assignment, const char *text)
{
    struct conf before = conf;

    set(assignment);
    cr_expect_eq(conf_check(&conf, role, error), ERR_CONFIG, "%s", assignment);
    cr_expect_not_null(strstr(error, text), "%s: %s", assignment, error);
    cr_expect_eq(strncmp(error, "configuration: ", 15), 0);
    cr_expect_null(strchr(error, '\n'));
    conf = before;
}

Test(conf_check, unsafe_combinations_start_neither_process)
{
    for (int i = CONF_ROLE_ENGINE; i <= CONF_ROLE_WORKER; i++) {
        enum conf_role role = (enum conf_role)i;

        expect_refused(role, "log.level=warm", "log.level must be debug, info, warn or error");
        expect_refused(role, "log.format=yaml", "log.format must be text or json");
        expect_refused(role, "kafka.notices_topic=seckill.orders",
                       "kafka.orders_topic and kafka.notices_topic must differ");
        expect_refused(role, "kafka.dead_topic=seckill.events",
                       "kafka.events_topic and kafka.dead_topic must differ");
        expect_refused(role, "sale.hold_ms=1499", "sale.hold_ms must be at least");
        expect_refused(role, "sale.lease_ms=1001", "sale.hold_ms must be at least");
        expect_refused(role, "sale.guard_ms=2999", "sale.guard_ms must be at least");
        expect_refused(role, "sale.deadline_ms=1001", "sale.guard_ms must be at least");
        expect_refused(role, "sale.lease_ms=250", "board.poll_ms must be less");
        expect_refused(role, "relay.age_ms=499", "relay.age_ms must be at least");
        expect_refused(role, "relay.lease_ms=999", "relay.lease_ms must be at least twice");
        expect_refused(role, "redis.address=localhost", "redis.address must be a numeric");
    }
}

/* FE2: the dead one's lease runs out, another sees the entry, it grows old, and is produced. */
Test(conf_check, what_a_dead_engine_left_is_relayed_within_5_s)
{
    cr_assert_leq(
        conf.relay_lease_ms + conf.relay_sweep_ms + conf.relay_age_ms + conf.relay_sweep_ms, 4500);
}

Test(conf_check, a_deadline_needs_time_for_a_call_and_a_report)
{
    conf.sale_deadline_ms = 20; /* below the bound of the table as well */
    cr_assert_eq(conf_check(&conf, CONF_ROLE_ENGINE, error), ERR_CONFIG);
    cr_assert_not_null(strstr(error, "sale.deadline_ms must be more than 20"));
    conf.sale_deadline_ms = 1000;
    conf.kafka_message_timeout_ms = 999;
    cr_assert_eq(conf_check(&conf, CONF_ROLE_ENGINE, error), ERR_CONFIG);
    cr_assert_not_null(strstr(error, "kafka.message_timeout_ms must be at least"));
    conf.kafka_message_timeout_ms = 5000;
    conf.sale_deadline_ms = 100;
    conf.kafka_linger_ms = 100;
    cr_assert_eq(conf_check(&conf, CONF_ROLE_ENGINE, error), ERR_CONFIG);
    cr_assert_not_null(strstr(error, "kafka.linger_ms must be less"));
}

Test(conf_check, the_engine_needs_addresses_and_keys)
{
    expect_refused(CONF_ROLE_ENGINE, "http.address=example.com", "http.address must be a numeric");
    expect_refused(CONF_ROLE_ENGINE, "ops.address=::g", "ops.address must be a numeric");
    expect_refused(CONF_ROLE_ENGINE, "ops.port=8080", "http.port and ops.port must differ");
    expect_refused(CONF_ROLE_ENGINE, "jwt.secret_file=", "jwt.secret_file must be set");
    expect_refused(CONF_ROLE_ENGINE, "jwt.secret_file=/nonexistent", "cannot be read");
    expect_refused(CONF_ROLE_ENGINE, "jwt.secret_file=/dev/null", "must hold 32 to 4096 bytes");
    expect_refused(CONF_ROLE_ENGINE, "jwt.previous_kid=old", "go together");
    expect_refused(CONF_ROLE_ENGINE, "jwt.previous_secret_file=/x", "go together");
    set("jwt.previous_kid=old");
    expect_refused(CONF_ROLE_ENGINE, "jwt.previous_secret_file=/x",
                   "jwt.previous_secret_file: /x cannot be read");
    set("jwt.previous_kid=default");
    expect_refused(CONF_ROLE_ENGINE, "jwt.previous_secret_file=/x", "must differ");
}

Test(conf_check, the_worker_needs_addresses_and_a_token)
{
    expect_refused(CONF_ROLE_WORKER, "worker.admin_address=x.example", "worker.admin_address must");
    expect_refused(CONF_ROLE_WORKER, "worker.ops_address=999.0.0.1", "worker.ops_address must");
    expect_refused(CONF_ROLE_WORKER, "worker.ops_port=8082", "must differ");
    expect_refused(CONF_ROLE_WORKER, "worker.admin_token_file=", "must be set");
    expect_refused(CONF_ROLE_WORKER, "worker.admin_token_file=/dev/null", "16 to 4096 bytes");
}

Test(conf_check, defaults_with_their_secrets_start)
{
    cr_assert_eq(conf_check(&conf, CONF_ROLE_ENGINE, error), ERR_OK, "%s", error);
    cr_assert_eq(conf_check(&conf, CONF_ROLE_WORKER, error), ERR_OK, "%s", error);
}

Test(conf_check, brokers_are_written_as_librdkafka_takes_them)
{
    static const char *const good[] = {
        "abc",   "a:9092,b:9092",       "SASL_SSL://h:9092",         "h:9092 ,i:9092",
        " h:1 ", "ssl://h:1 , [::1]:2", "plaintext://h,ssl://i:9092"};
    static const char *const bad[] = {"http://h:9092", "a b", "ssl://",  "a:9092,",
                                      " , a",          "a:0", "h :9092", "ssl://ssl://h:1"};
    char text[80];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        (void)snprintf(text, sizeof text, "kafka.brokers=%s", good[i]);
        set(text);
        cr_expect_eq(conf_check(&conf, CONF_ROLE_WORKER, error), ERR_OK, "%s: %s", text, error);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(text, sizeof text, "kafka.brokers=%s", bad[i]);
        expect_refused(CONF_ROLE_WORKER, text, "kafka.brokers must be host:port with commas");
    }
}

Test(conf_check, a_rotation_and_ipv6_start)
{
    set("jwt.previous_kid=old");
    strcat(conf.jwt_previous_secret_file, path);
    set("http.address=::1");
    cr_assert_eq(conf_check(&conf, CONF_ROLE_ENGINE, error), ERR_OK, "%s", error);
}

Test(conf_check, a_process_does_not_need_what_is_the_others)
{
    set("worker.admin_token_file=");
    cr_assert_eq(conf_check(&conf, CONF_ROLE_ENGINE, error), ERR_OK, "%s", error);
    strcat(conf.worker_admin_token_file, path);
    set("jwt.secret_file=");
    cr_assert_eq(conf_check(&conf, CONF_ROLE_WORKER, error), ERR_OK, "%s", error);
}
