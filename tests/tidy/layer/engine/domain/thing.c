#include "loop/loop.h"

int thing_run(void);
