-- 003 events: what telling the shop needs (docs/PROTOCOL.md, section 5).
--
-- The events that wait are read in the order of their ids; the key of 001 has them by sale.
SET @add = (SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE()
  AND table_name = 'outbox' AND index_name = 'outbox_told');
SET @add = IF(@add > 0, 'DO 0', 'ALTER TABLE outbox ADD KEY outbox_told (target, confirmed)');
PREPARE add_key FROM @add;
EXECUTE add_key;
DEALLOCATE PREPARE add_key;

-- What waits for Redis is read by kind: a freeze or a letter does not stand behind the units of a sale whose orders
-- lapsed all together.
SET @add = (SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE()
  AND table_name = 'outbox' AND index_name = 'outbox_next');
SET @add = IF(@add > 0, 'DO 0',
  'ALTER TABLE outbox ADD KEY outbox_next (target, confirmed, sale, kind, id), DROP KEY outbox_pending');
PREPARE add_key FROM @add;
EXECUTE add_key;
DEALLOCATE PREPARE add_key;

-- How often every unit of a sale was an order: the version of its event sale.sold_out. Its row is the lock of
-- the question: two transactions that take the last units of two skus would not see each other's.
CREATE TABLE IF NOT EXISTS sold_outs (
  sale  INT UNSIGNED NOT NULL,
  times INT UNSIGNED NOT NULL,
  PRIMARY KEY (sale)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
