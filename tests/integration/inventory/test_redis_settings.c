#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/redis_settings.h"

Test(redis_settings, weak_and_unsafe_ones_are_told)
{
    struct redis_settings settings;
    struct fixture fixture;
    char answer[16];

    fixture_start(&fixture);
    cr_assert_eq(redis_settings_read(fixture.blocking, &settings), ERR_OK);
    cr_assert_null(redis_settings_fault(&settings));
    cr_assert_null(redis_settings_weakness(&settings));
    cr_assert_str_eq(settings.role, "master");
    redis_server_ask(&fixture.server, "CONFIG SET appendonly no", answer, sizeof answer);
    cr_assert_eq(redis_settings_read(fixture.blocking, &settings), ERR_OK);
    cr_assert_not_null(strstr(redis_settings_weakness(&settings), "appendonly"));
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory-policy allkeys-lru", answer,
                     sizeof answer);
    cr_assert_eq(redis_settings_read(fixture.blocking, &settings), ERR_OK);
    cr_assert_not_null(redis_settings_fault(&settings));
    fixture_finish(&fixture);
}
