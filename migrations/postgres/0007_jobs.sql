-- When a background job was last done, by any node.
ALTER TABLE job_leases ADD COLUMN succeeded_at BIGINT;

-- The last backup that was restored and looked through.
CREATE TABLE restore_proofs (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    proved_at BIGINT NOT NULL,
    backup_at BIGINT NOT NULL,
    took BIGINT NOT NULL,
    licenses BIGINT NOT NULL,
    seats BIGINT NOT NULL
);

-- How many licenses of a product are in force, and when they end, is counted over this alone.
CREATE INDEX licenses_running_idx ON licenses (status, product, ends_at);
