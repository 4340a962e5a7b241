-- What is next for a webhook, in its order, found without walking through all that has arrived.
CREATE INDEX webhook_deliveries_pending_idx ON webhook_deliveries (webhook, created_at, number) WHERE state = 'pending';
