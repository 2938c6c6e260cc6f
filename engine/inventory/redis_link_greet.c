/* redis_link_greet.c: connected -> greet -> on_greeting, one an answer -> load_scripts ->
 * on_script_loaded, one an answer -> redis_link_greeted(). */
#include "inventory/redis_link_state.h"

#include "common/assert.h"
#include "loop/loop.h"

static void on_script_loaded(void *arg, enum err status, const struct redis_reply *reply)
{
    struct redis_link *link = arg;
    char trouble[REDIS_TROUBLE_SIZE];

    if (status == ERR_LOST || link->state != LINK_GREETING) {
        return;
    }
    if (!redis_handshake_judge_script(script_get(link->scripts_loaded), reply, trouble)) {
        redis_link_refuse(link, redis_handshake_cause(REDIS_GREETING_COUNT, reply));
        redis_link_drop(link, trouble);
        return;
    }
    link->scripts_loaded++;
    if (link->scripts_loaded == LUA_SCRIPT_COUNT) {
        redis_link_greeted(link);
    }
}

static void load_scripts(struct redis_link *link)
{
    struct redis_command *command;

    link->scripts_loaded = 0;
    for (enum lua_script_id id = 0; id < LUA_SCRIPT_COUNT; id++) {
        buf_clear(&link->scratch);
        script_load(&link->scratch, script_get(id));
        if (redis_link_send_wire(link, &link->scratch, on_script_loaded, link, &command)
            != ERR_OK) {
            redis_link_drop(link, "the scripts could not be sent");
            return;
        }
    }
}

/* Answers come in the order of the questions. */
static void on_greeting(void *arg, enum err status, const struct redis_reply *reply)
{
    struct redis_link *link = arg;
    enum redis_greeting step = REDIS_GREETING_AUTH;
    char trouble[REDIS_TROUBLE_SIZE];
    int64_t time_us;

    if (status == ERR_LOST || link->state != LINK_GREETING) {
        return;
    }
    while (!(link->greetings_asked & 1u << step)) {
        step++;
    }
    link->greetings_asked &= ~(1u << step);
    if (!redis_handshake_judge(step, reply, trouble)) {
        redis_link_refuse(link, redis_handshake_cause(step, reply));
        redis_link_drop(link, trouble);
    } else if (step == REDIS_GREETING_TIME && redis_handshake_time_us(reply, &time_us) == ERR_OK) {
        link->clock_offset_us = time_us - loop_clock_us(link->options.loop);
        load_scripts(link);
    }
}

/* The scripts follow when this server is known to be good: a server at its maxclients answers the
 * first command and closes, and a longer write would fail before that answer was read. */
void redis_link_greet(struct redis_link *link)
{
    const struct redis_login login = {link->options.user, link->options.password,
                                      link->options.client_name};
    struct redis_command *command;

    link->greetings_asked = 0;
    for (enum redis_greeting step = 0; step < REDIS_GREETING_COUNT; step++) {
        buf_clear(&link->scratch);
        if (!redis_handshake_command(step, &login, &link->scratch)) {
            continue;
        }
        if (redis_link_send_wire(link, &link->scratch, on_greeting, link, &command) != ERR_OK) {
            redis_link_drop(link, "the greeting could not be sent");
            return;
        }
        link->greetings_asked |= 1u << step;
    }
}
