-- When a background job was last done, by any node.
ALTER TABLE job_leases ADD COLUMN succeeded_at INTEGER;

-- The last backup that was restored and looked through.
CREATE TABLE restore_proofs (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    proved_at INTEGER NOT NULL,
    backup_at INTEGER NOT NULL,
    took INTEGER NOT NULL,
    licenses INTEGER NOT NULL,
    seats INTEGER NOT NULL
) STRICT;

-- How many licenses of a product are in force, and when they end, is counted over this alone.
CREATE INDEX licenses_running_idx ON licenses (status, product, ends_at);
