-- 002 payments: what became of each payment notice and cancel request (docs/PROTOCOL.md, section 6).
--
-- Nothing wrote the table of 001, so it is made anew, once: the second time its column `claimed` is there.
SET @remake = (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
  AND table_name = 'payments' AND column_name = 'claimed');
SET @remake = IF(@remake > 0, 'DO 0', 'DROP TABLE IF EXISTS payments');
PREPARE remake FROM @remake;
EXECUTE remake;
DEALLOCATE PREPARE remake;

-- Verified notices of payment providers, and cancel requests of buyers (provider 'cancel', event_id = order_no).
-- One row for each event that had no equal before it. order_no 0: names none that can be read.
-- state: PARKED (waits for its order's row, or for the decision about a QUARANTINED order), APPLIED (had its effect),
--   IGNORED (has none), REFUND_DUE (money to be given back), REFUNDED (of a payment without effect: it was given back),
--   QUARANTINED (does not match; a human must act). A payment that paid its order stays APPLIED when that is refunded.
-- reason: why; empty for PARKED, and for APPLIED unless the order was REFUNDED already.
-- claimed: the transaction, where the row has an effect or may get one: a transaction has one of a kind. What is
--   QUARANTINED or IGNORED claims nothing, nor once it was REFUNDED: a full refund counts after a partial one was set
--   aside.
-- occurred by the provider's clock, received by the engine's, created and changed by the database's.
-- topic, part, log_offset: the record of the notices' log.
CREATE TABLE IF NOT EXISTS payments (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  provider       VARCHAR(32)     NOT NULL,
  event_id       VARCHAR(128)    NOT NULL,
  transaction_id VARCHAR(128)    NULL,
  kind           VARCHAR(16)     NOT NULL,
  order_no       BIGINT UNSIGNED NOT NULL,
  amount         BIGINT UNSIGNED NULL,
  currency       CHAR(3)         NULL,
  buyer          VARCHAR(64)     NOT NULL DEFAULT '',
  state          VARCHAR(12)     NOT NULL,
  reason         VARCHAR(16)     NOT NULL DEFAULT '',
  claimed        VARCHAR(128)    AS (IF(state IN ('PARKED', 'APPLIED', 'REFUND_DUE') OR (state = 'REFUNDED' AND
    reason IN ('second', 'closed', 'refunded', 'voided', 'epoch')), transaction_id, NULL)) STORED,
  occurred       BIGINT UNSIGNED NOT NULL,
  received       BIGINT UNSIGNED NOT NULL,
  created        BIGINT UNSIGNED NOT NULL,
  changed        BIGINT UNSIGNED NOT NULL,
  topic          VARCHAR(64)     NOT NULL,
  part           INT UNSIGNED    NOT NULL,
  log_offset     BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY payments_event (provider, event_id),
  UNIQUE KEY payments_transaction (provider, claimed, kind),
  KEY payments_order (order_no, state),
  KEY payments_state (state, id),
  CONSTRAINT payments_kind CHECK (kind IN ('paid', 'failed', 'refunded', 'cancel', 'other')),
  CONSTRAINT payments_amount CHECK ((amount IS NULL) = (currency IS NULL)),
  CONSTRAINT payments_status CHECK
    (state IN ('PARKED', 'APPLIED', 'IGNORED', 'REFUND_DUE', 'REFUNDED', 'QUARANTINED'))
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Said of 001, whose text stays as it is:
-- * sale_skus.sold also counts REFUNDED orders whose units were kept: what they took is not sold again. So
--   sold = units of PENDING, PAID and QUARANTINED orders + units of REFUNDED orders of reason kept or provider.
-- * orders.reason also tells why an order is CLOSED (overdue, cancel) or REFUNDED (restocked: its units came back, with
--   their row of cause 'refund' in stock_ledger; kept: by an operator, they did not; provider: the provider gave the
--   money back, they did not).
-- * outbox.payload of order.refund_due: {"provider", "transaction_id", "amount", "currency"} of the payment. Its
--   order_version is the order's after the change; without a row in orders: the how many-th one of that order_no.
