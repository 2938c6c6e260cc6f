#include "unit/bench/crowd_made.h"

#include <criterion/criterion.h>

struct crowd_options crowd_made_options(uint32_t buyers, uint32_t threads)
{
    return (struct crowd_options){.buyers = buyers,
                                  .threads = threads,
                                  .prefix = "b",
                                  .kid = "k",
                                  .issuer = "i",
                                  .audience = "a",
                                  .secret = "0123456789abcdef0123456789abcdef",
                                  .secret_size = 32,
                                  .issued_s = 1000,
                                  .expires_s = 2000};
}

struct crowd *crowd_made(uint32_t buyers, uint32_t threads)
{
    const struct crowd_options options = crowd_made_options(buyers, threads);
    struct crowd *crowd = crowd_create(&options);

    cr_assert_not_null(crowd);
    return crowd;
}
