-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS seats_device_idx ON seats (vendor, device);
