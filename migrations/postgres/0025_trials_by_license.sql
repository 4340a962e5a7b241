-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS trials_license_idx ON trials (license);
