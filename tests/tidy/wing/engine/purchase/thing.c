#include "http/http_conn.h"

int thing_run(void);
