#include "payments/money.h"

#include "payments/text.h"

enum { WHOLE_DIGITS_MAX = 12, CENT_DIGITS_MAX = 2 };

bool money_read_cents(struct provider_text text, int64_t *ret_cents)
{
    struct provider_text whole;
    int64_t units, cents = 0;

    if (!text.data || !text_cut(&text, '.', &whole) || whole.size > WHOLE_DIGITS_MAX
        || !text_digits(whole, &units) || (whole.size > 1 && whole.data[0] == '0')) {
        return false;
    }
    if (text.data) {
        if (text.size > CENT_DIGITS_MAX || !text_digits(text, &cents)) {
            return false;
        }
        cents *= text.size == 1 ? 10 : 1;
    }
    *ret_cents = units * 100 + cents;
    return true;
}
