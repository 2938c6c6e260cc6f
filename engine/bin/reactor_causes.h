/* reactor_causes: what of a reactor's state an operator and a balancer are told on /readyz.
 * Why:    ready means "can sell now"; what only payments and cancels need is a warning.
 * Never:  does I/O.
 * Thread: main. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct api_ops_causes;
struct reactor_state;

/* `state` NULL: reactor `index` has not told anything yet. */
void reactor_causes_add(const struct reactor_state *state, uint32_t index, bool is_strict,
                        struct api_ops_causes *causes);
