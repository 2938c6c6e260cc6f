/* crowd_made: a crowd whose tokens are good, for tests of what is done with them. */
#pragma once

#include "bench/load/crowd.h"

struct crowd_options crowd_made_options(uint32_t buyers, uint32_t threads);
struct crowd *crowd_made(uint32_t buyers, uint32_t threads); /* asserts that there is one */
