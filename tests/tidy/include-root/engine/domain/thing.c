#include "thing.h"

int thing_run(void);
