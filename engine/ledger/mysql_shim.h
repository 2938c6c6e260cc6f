/* mysql_shim: where libmysqlclient and MariaDB Connector/C differ (M2, M12).
 * Why:    one place; the rest of ledger/ uses their common subset.
 * Never:  included outside of ledger/.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include <mysql.h>

#if !defined(MARIADB_BASE_VERSION) && MYSQL_VERSION_ID >= 80000
typedef bool mysql_flag; /* my_bool is gone there */
#else
typedef my_bool mysql_flag;
#endif

/* Without a CA file the session is plain or opportunistic; with one the server must prove itself.
 */
static inline int mysql_shim_set_tls(MYSQL *mysql, const char *ca_file)
{
#ifdef MARIADB_BASE_VERSION
    mysql_flag strict = ca_file != NULL ? 1 : 0;
    mysql_flag off = 0;
    int failed = mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &strict);
    failed |= mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &strict);
    /* Never set for libmysqlclient: off by default there, and newer ones print a warning. */
    failed |= mysql_options(mysql, MYSQL_OPT_RECONNECT, &off);
#else
    unsigned int mode = ca_file != NULL ? SSL_MODE_VERIFY_IDENTITY : SSL_MODE_PREFERRED;
    mysql_flag fetch_key =
        true; /* caching_sha2_password without TLS needs the server's key (M13) */
    int failed = mysql_options(mysql, MYSQL_OPT_SSL_MODE, &mode);
    failed |= mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &fetch_key);
#endif
    if (ca_file != NULL) {
        failed |= mysql_options(mysql, MYSQL_OPT_SSL_CA, ca_file);
    }
    return failed;
}
