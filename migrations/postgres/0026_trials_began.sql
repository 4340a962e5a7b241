-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS trials_began_idx ON trials (vendor, product, created_at, converted_at, ends_at);
