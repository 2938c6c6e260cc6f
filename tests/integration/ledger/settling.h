/* settling: what most tests of settling begin with; a file of tests includes it once.
 * Why:    the files are cut by subject, not by fixture. Each test is a process of its own.
 * Never:  included by a helper.
 * Thread: the test's. */
#pragma once

#include "integration/ledger/ledger_fixture.h"

static struct mysql_link *link;
static struct sale_id sale; /* of 10 units, 1 for each buyer, loaded */
static uint32_t epoch;
static struct settle *settle; /* owns partition 0 */

static void begin(void)
{
    link = fixture_link();
    sale = fixture_sale(link, 10, 1);
    epoch = fixture_load(link, sale);
    settle = fixture_settle(link, 0);
}

static void end(void)
{
    settle_destroy(settle);
    mysql_link_destroy(link);
}
