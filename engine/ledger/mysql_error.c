#include "ledger/mysql_error.h"

#include <stddef.h>

struct meaning {
    unsigned code;
    enum err err;
    bool ends_session;
};

/* Numbers, not names: MariaDB's and MySQL's headers each know only some of them. */
static const struct meaning meanings[] = {
    {1020, ERR_BUSY, false},        /* record changed since last read: snapshot isolation */
    {1205, ERR_BUSY, false},        /* lock wait time-out: only the statement was undone */
    {1213, ERR_BUSY, false},        /* deadlock: the transaction was undone */
    {1615, ERR_BUSY, false},        /* prepared statement needs to be prepared again */
    {3058, ERR_BUSY, false},        /* deadlock of user-level locks */
    {1062, ERR_CONFLICT, false},    /* duplicate key */
    {1451, ERR_CONFLICT, false},    /* foreign key: parent has children */
    {1452, ERR_CONFLICT, false},    /* foreign key: no parent */
    {1586, ERR_CONFLICT, false},    /* duplicate key, with its name */
    {3819, ERR_RANGE, false},       /* CHECK, MySQL */
    {4025, ERR_RANGE, false},       /* CHECK, MariaDB */
    {1264, ERR_RANGE, false},       /* out of range for the column */
    {1292, ERR_RANGE, false},       /* wrong value */
    {1366, ERR_RANGE, false},       /* wrong value for the column's character set */
    {1406, ERR_RANGE, false},       /* data too long */
    {1690, ERR_RANGE, false},       /* BIGINT value out of range */
    {1037, ERR_NO_MEMORY, false},   /* server out of memory */
    {1038, ERR_NO_MEMORY, false},   /* server out of sort memory */
    {1041, ERR_NO_MEMORY, false},   /* server out of resources */
    {2008, ERR_NO_MEMORY, true},    /* client out of memory */
    {1021, ERR_UNAVAILABLE, false}, /* disk full */
    {1026, ERR_UNAVAILABLE, false}, /* error writing file */
    {1030, ERR_UNAVAILABLE, false}, /* error from the storage engine */
    {1114, ERR_UNAVAILABLE, false}, /* the table is full */
    {1317, ERR_UNAVAILABLE, false}, /* query interrupted */
    {1969, ERR_UNAVAILABLE, false}, /* statement time-out, MariaDB */
    {3024, ERR_UNAVAILABLE, false}, /* statement time-out, MySQL */
    {1290, ERR_UNAVAILABLE, true},  /* read-only server: a failover */
    {1792, ERR_UNAVAILABLE, true},  /* read-only transaction */
    {1836, ERR_UNAVAILABLE, true},  /* read-only mode */
    {1047, ERR_UNAVAILABLE, true},  /* node is not ready, Galera */
    {1040, ERR_UNAVAILABLE, true},  /* too many connections */
    {1203, ERR_UNAVAILABLE, true},  /* too many connections of this user */
    {1226, ERR_UNAVAILABLE, true},  /* resource limit of this user */
    {1129, ERR_UNAVAILABLE, true},  /* host blocked */
    {2002, ERR_UNAVAILABLE, true},  /* cannot connect, socket */
    {2003, ERR_UNAVAILABLE, true},  /* cannot connect */
    {2005, ERR_UNAVAILABLE, true},  /* unknown host */
    {2009, ERR_UNAVAILABLE, true},  /* wrong host info */
    {2012, ERR_UNAVAILABLE, true},  /* handshake error */
    {2026, ERR_UNAVAILABLE, true},  /* TLS */
    {1053, ERR_LOST, true},         /* server shutdown in progress */
    {1158, ERR_LOST, true},         /* network: read error */
    {1159, ERR_LOST, true},         /* network: read time-out */
    {1160, ERR_LOST, true},         /* network: write error */
    {1161, ERR_LOST, true},         /* network: write time-out */
    {1180, ERR_LOST, true},         /* error during COMMIT */
    {1927, ERR_LOST, true},         /* connection was killed, MariaDB */
    {2006, ERR_LOST, true},         /* server has gone away */
    {2013, ERR_LOST, true},         /* lost connection during query */
    {2014, ERR_LOST, true},         /* commands out of sync: trust nothing of it */
    {2027, ERR_LOST, true},         /* malformed packet */
    {2055, ERR_LOST, true},         /* lost connection, with its place */
    {4031, ERR_LOST, true},         /* disconnected for idleness, MySQL */
};

static const struct meaning *find_meaning(unsigned code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].code == code) {
            return &meanings[i];
        }
    }
    return NULL;
}

enum err mysql_error_meaning(unsigned code)
{
    const struct meaning *meaning = find_meaning(code);

    if (code == 0) {
        return ERR_OK;
    }
    return meaning != NULL ? meaning->err : ERR_REFUSED;
}

bool mysql_error_ends_session(unsigned code)
{
    const struct meaning *meaning = find_meaning(code);

    return meaning != NULL && meaning->ends_session;
}
