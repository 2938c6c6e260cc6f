-- 001 base: what the engine promises its buyers, as MySQL's own rules (docs/PROTOCOL.md, section 6).
--
-- Rules of this folder
-- * Applied in the order of the numbers, under a lock, recorded in schema_version. A file that was
--   released is never edited: what changes comes as the next number.
-- * DDL commits by itself, so a file may be cut short by a crash and is then applied from its start
--   again: each statement must be harmless the second time (IF NOT EXISTS).
-- * Runs on MariaDB 10.11+ and MySQL 8.0.16+ (from there on CHECK is enforced).
-- * Ids are ascii_bin: the usual collations fold case and trailing spaces and would make two buyers one.
-- * Times are milliseconds since the Unix epoch, UTC, by the database's clock unless said otherwise.
-- * Money is integer minor units of the sale's currency.
-- * A statement ends with ";" at the end of a line; a comment is a whole line.

-- A sale. Its definition never changes after it was created; control, epoch and version do.
-- control: what the operator wants: open (within the window), paused, frozen (an alarm stopped it), ended.
-- epoch: the history of Redis it runs on; 0 = never loaded. version: +1 by each change of control.
CREATE TABLE IF NOT EXISTS sales (
  sale        INT UNSIGNED     NOT NULL,
  name        VARCHAR(200)     CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  currency    CHAR(3)          NOT NULL,
  opens       BIGINT UNSIGNED  NOT NULL,
  closes      BIGINT UNSIGNED  NOT NULL,
  buyer_limit INT UNSIGNED     NOT NULL,
  listed      TINYINT UNSIGNED NOT NULL DEFAULT 0,
  pay_window  BIGINT UNSIGNED  NOT NULL,
  control     VARCHAR(8)       NOT NULL DEFAULT 'open',
  epoch       INT UNSIGNED     NOT NULL DEFAULT 0,
  version     INT UNSIGNED     NOT NULL DEFAULT 1,
  created     BIGINT UNSIGNED  NOT NULL,
  PRIMARY KEY (sale),
  CONSTRAINT sales_id CHECK (sale BETWEEN 1 AND 8388607),
  CONSTRAINT sales_window CHECK (opens < closes),
  CONSTRAINT sales_limit CHECK (buyer_limit >= 1),
  CONSTRAINT sales_epoch CHECK (epoch <= 16383),
  CONSTRAINT sales_control CHECK (control IN ('open', 'paused', 'frozen', 'ended'))
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- What is sold, and the bound itself. sold counts PENDING, PAID and QUARANTINED orders.
-- epoch is sales.epoch again: the stock UPDATE of a settling transaction must see it in the row it locks.
CREATE TABLE IF NOT EXISTS sale_skus (
  sale     INT UNSIGNED     NOT NULL,
  sku      VARCHAR(32)      NOT NULL,
  position TINYINT UNSIGNED NOT NULL,
  price    BIGINT UNSIGNED  NOT NULL,
  total    BIGINT UNSIGNED  NOT NULL,
  sold     BIGINT UNSIGNED  NOT NULL DEFAULT 0,
  epoch    INT UNSIGNED     NOT NULL DEFAULT 0,
  PRIMARY KEY (sale, sku),
  CONSTRAINT sale_skus_sale FOREIGN KEY (sale) REFERENCES sales (sale),
  CONSTRAINT sale_skus_bound CHECK (sold <= total)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Reservation sales: who may buy.
CREATE TABLE IF NOT EXISTS sale_listed (
  sale    INT UNSIGNED    NOT NULL,
  buyer   VARCHAR(64)     NOT NULL,
  created BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (sale, buyer),
  CONSTRAINT sale_listed_sale FOREIGN KEY (sale) REFERENCES sales (sale)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Buyers who may not buy; sale 0 = in no sale.
CREATE TABLE IF NOT EXISTS blocks (
  sale    INT UNSIGNED    NOT NULL,
  buyer   VARCHAR(64)     NOT NULL,
  reason  VARCHAR(200)    CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  created BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (sale, buyer)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- One row per win. slot is NULL once the order is not live, so that the buyer's slot is free again.
-- won_at, pay_by: won_at by Redis' clock; pay_by = the later of the record's and settling time + pay window.
-- topic, part, log_offset: the record of the order log that this row was made from.
-- reason: why it is VOIDED or QUARANTINED (stock, epoch, version, slot_clash, operator); else empty.
-- No foreign key to sale_skus: it would take a shared lock on the hottest row for each insert, and
-- upgrading that lock deadlocks. The stock UPDATE of the same transaction proves the sku instead.
CREATE TABLE IF NOT EXISTS orders (
  order_no   BIGINT UNSIGNED   NOT NULL,
  sale       INT UNSIGNED      NOT NULL,
  buyer      VARCHAR(64)       NOT NULL,
  sku        VARCHAR(32)       NOT NULL,
  quantity   INT UNSIGNED      NOT NULL,
  unit_price BIGINT UNSIGNED   NOT NULL,
  currency   CHAR(3)           NOT NULL,
  slot       INT UNSIGNED      NULL,
  key_hash   VARCHAR(32)       NOT NULL,
  state      VARCHAR(11)       NOT NULL,
  reason     VARCHAR(16)       NOT NULL,
  version    INT UNSIGNED      NOT NULL,
  won_at     BIGINT UNSIGNED   NOT NULL,
  pay_by     BIGINT UNSIGNED   NOT NULL,
  created    BIGINT UNSIGNED   NOT NULL,
  changed    BIGINT UNSIGNED   NOT NULL,
  topic      VARCHAR(64)       NOT NULL,
  part       INT UNSIGNED      NOT NULL,
  log_offset BIGINT UNSIGNED   NOT NULL,
  PRIMARY KEY (order_no),
  UNIQUE KEY orders_slot (sale, buyer, slot),
  KEY orders_due (state, pay_by),
  CONSTRAINT orders_id CHECK (sale = order_no >> 40),
  CONSTRAINT orders_quantity CHECK (quantity BETWEEN 1 AND 1000),
  CONSTRAINT orders_state
    CHECK (state IN ('PENDING', 'PAID', 'CLOSED', 'REFUNDED', 'QUARANTINED', 'VOIDED')),
  CONSTRAINT orders_slot_live CHECK (slot IS NULL OR state IN ('PENDING', 'PAID', 'QUARANTINED'))
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Verified notices of payment providers, and cancel requests (provider 'cancel', no transaction).
CREATE TABLE IF NOT EXISTS payments (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  provider       VARCHAR(32)     NOT NULL,
  event_id       VARCHAR(128)    NOT NULL,
  transaction_id VARCHAR(128)    NULL,
  kind           VARCHAR(16)     NOT NULL,
  order_no       BIGINT UNSIGNED NOT NULL,
  amount         BIGINT UNSIGNED NULL,
  currency       CHAR(3)         NULL,
  state          VARCHAR(12)     NOT NULL,
  occurred       BIGINT UNSIGNED NOT NULL,
  created        BIGINT UNSIGNED NOT NULL,
  changed        BIGINT UNSIGNED NOT NULL,
  part           INT UNSIGNED    NOT NULL,
  log_offset     BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY payments_event (provider, event_id),
  UNIQUE KEY payments_transaction (provider, transaction_id, kind),
  KEY payments_order (order_no, state),
  KEY payments_state (state, id),
  CONSTRAINT payments_kind CHECK (kind IN ('paid', 'failed', 'refunded', 'cancel')),
  CONSTRAINT payments_status CHECK
    (state IN ('PARKED', 'APPLIED', 'IGNORED', 'REFUND_DUE', 'REFUNDED', 'QUARANTINED'))
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Append-only: each change of stock that is not an order row itself.
-- cause and its ref: create (the sku), add (the operator's ref), close, refund, void (the order_no).
-- The key makes each of them happen once in a sale. epoch is read under the lock of the sku row.
-- total - sold = sum of delta - sum of quantity of the rows that were ever counted in sold.
CREATE TABLE IF NOT EXISTS stock_ledger (
  id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  sale    INT UNSIGNED    NOT NULL,
  sku     VARCHAR(32)     NOT NULL,
  delta   BIGINT          NOT NULL,
  cause   VARCHAR(8)      NOT NULL,
  ref     VARCHAR(64)     NOT NULL,
  epoch   INT UNSIGNED    NOT NULL,
  created BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY stock_ledger_once (sale, cause, ref),
  CONSTRAINT stock_ledger_sku FOREIGN KEY (sale, sku) REFERENCES sale_skus (sale, sku),
  CONSTRAINT stock_ledger_cause CHECK (cause IN ('create', 'add', 'close', 'refund', 'void')),
  CONSTRAINT stock_ledger_delta CHECK (delta > 0 OR cause = 'create')
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- What is still to be told to Redis (units, state, letter) or to the shop (event), written in the
-- transaction that made it true, sent until confirmed. Order of one sale = order of id.
-- units: sku, units, ledger_id, epoch. state: verb of set_state. letter: order_no, buyer, letter
-- event: verb is its type, order_no (0 for one of a sale), order_version; payload if it needs more.
CREATE TABLE IF NOT EXISTS outbox (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  sale          INT UNSIGNED    NOT NULL,
  kind          VARCHAR(6)      NOT NULL,
  target        VARCHAR(5)      AS (IF(kind = 'event', 'kafka', 'redis')) STORED,
  verb          VARCHAR(32)     NOT NULL DEFAULT '',
  sku           VARCHAR(32)     NOT NULL DEFAULT '',
  units         BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ledger_id     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  epoch         INT UNSIGNED    NOT NULL DEFAULT 0,
  order_no      BIGINT UNSIGNED NOT NULL DEFAULT 0,
  order_version INT UNSIGNED    NOT NULL DEFAULT 0,
  buyer         VARCHAR(64)     NOT NULL DEFAULT '',
  letter        CHAR(1)         NOT NULL DEFAULT '',
  payload       TEXT            CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  created       BIGINT UNSIGNED NOT NULL,
  sent          BIGINT UNSIGNED NULL,
  confirmed     BIGINT UNSIGNED NULL,
  PRIMARY KEY (id),
  KEY outbox_pending (target, confirmed, sale, id),
  CONSTRAINT outbox_kind CHECK (kind IN ('units', 'state', 'letter', 'event'))
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- The worker's place in each partition: 1 + the last record applied. No row: start at 0.
-- owner_epoch is the fence: who claims the partition raises it, and who was paused meanwhile writes nothing.
CREATE TABLE IF NOT EXISTS consumer_offsets (
  topic       VARCHAR(64)     NOT NULL,
  part        INT UNSIGNED    NOT NULL,
  next        BIGINT UNSIGNED NOT NULL,
  owner_epoch BIGINT UNSIGNED NOT NULL,
  owner       VARCHAR(64)     NOT NULL,
  changed     BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (topic, part)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Records that could not become rows, byte for byte. sale 0: cannot be told, which stops rebuilds.
-- reason: unreadable, unknown_sale, unknown_sku, clash, value. resolved: when an operator dealt with it.
-- published: when the topic of dead letters had it.
CREATE TABLE IF NOT EXISTS dead_letters (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  topic      VARCHAR(64)     NOT NULL,
  part       INT UNSIGNED    NOT NULL,
  log_offset BIGINT UNSIGNED NOT NULL,
  sale       INT UNSIGNED    NOT NULL,
  order_no   BIGINT UNSIGNED NOT NULL,
  reason     VARCHAR(16)     NOT NULL,
  payload    MEDIUMBLOB      NOT NULL,
  created    BIGINT UNSIGNED NOT NULL,
  published  BIGINT UNSIGNED NULL,
  resolved   BIGINT UNSIGNED NULL,
  resolution VARCHAR(64)     NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  UNIQUE KEY dead_letters_record (topic, part, log_offset),
  KEY dead_letters_open (resolved, sale, id),
  KEY dead_letters_untold (published, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Who loads a sale, and how far it is. fence is raised by each claim and checked in each write of the
-- owner; beat by the database's clock, so that a dead owner's claim runs out. sale 0: the catalogue.
CREATE TABLE IF NOT EXISTS guard (
  sale     INT UNSIGNED    NOT NULL,
  fence    BIGINT UNSIGNED NOT NULL,
  owner    VARCHAR(64)     NOT NULL,
  epoch    INT UNSIGNED    NOT NULL DEFAULT 0,
  step     VARCHAR(16)     NOT NULL,
  done     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  expected BIGINT UNSIGNED NOT NULL DEFAULT 0,
  note     VARCHAR(200)    NOT NULL DEFAULT '',
  started  BIGINT UNSIGNED NOT NULL,
  beat     BIGINT UNSIGNED NOT NULL,
  finished BIGINT UNSIGNED NULL,
  PRIMARY KEY (sale)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Each change that an operator, or an alarm in an operator's place, has made.
CREATE TABLE IF NOT EXISTS admin_log (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  actor      VARCHAR(64)     NOT NULL,
  action     VARCHAR(32)     NOT NULL,
  sale       INT UNSIGNED    NOT NULL,
  detail     VARCHAR(500)    CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  request_id VARCHAR(64)     NOT NULL,
  created    BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (id),
  KEY admin_log_sale (sale, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
