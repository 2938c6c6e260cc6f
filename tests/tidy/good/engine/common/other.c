#include "domain/things.def"

int other_run(void);
