-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_deliveries_pending_idx ON webhook_deliveries (webhook, created_at, number)
WHERE state = 'pending';
