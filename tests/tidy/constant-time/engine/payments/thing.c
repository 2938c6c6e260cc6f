#include <string.h>

int thing_fits(const unsigned char *mac, const unsigned char *wanted)
{
    return memcmp(mac, wanted, 32) == 0;
}
