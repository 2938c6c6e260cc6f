-- 004 dead letters: told apart by their bytes, too (docs/PROTOCOL.md, section 6).
--
-- A place names a record of one log only. A topic that was made anew counts from 0 again: a letter of the new log at
-- the place of an old one was taken for that, which may be resolved, and its bytes were lost. The same bytes at the
-- same place stay one letter: a record that is read again, or was produced again.
SET @add = (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
  AND table_name = 'dead_letters' AND column_name = 'digest');
SET @add = IF(@add > 0, 'DO 0', 'ALTER TABLE dead_letters ADD COLUMN digest CHAR(64) AS (SHA2(payload, 256)) STORED,
  DROP KEY dead_letters_record, ADD UNIQUE KEY dead_letters_record (topic, part, log_offset, digest)');
PREPARE add_digest FROM @add;
EXECUTE add_digest;
DEALLOCATE PREPARE add_digest;
