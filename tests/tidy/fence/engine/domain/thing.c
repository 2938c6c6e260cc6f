#include <jansson.h>

int thing_run(void);
