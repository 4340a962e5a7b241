-- Where a vendor is told what has happened.
CREATE TABLE webhooks (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Which topics, separated by spaces; empty for all.
    events TEXT NOT NULL,
    -- The HMAC secret and the Ed25519 seed, sealed together; and those before, which sign as well until then.
    secrets BLOB NOT NULL,
    previous_secrets BLOB,
    previous_until INTEGER,
    -- Who made it; null for a token.
    created_by BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Since when nothing is sent, and why: `asked`, `gone` or `failing`.
    paused_at INTEGER,
    paused_reason TEXT,
    -- Since when every attempt has failed, how many those are, and until when the receiver is left alone for it.
    failing_since INTEGER,
    failures INTEGER NOT NULL,
    quiet_until INTEGER,
    delivered_at INTEGER
) STRICT;
CREATE INDEX webhooks_vendor_idx ON webhooks (vendor, id);

-- What is told, byte for byte.
CREATE TABLE webhook_messages (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_messages_at_idx ON webhook_messages (at);

-- A message and a webhook that is told of it. Those to one webhook about one subject go in the order of their numbers.
CREATE TABLE webhook_deliveries (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    vendor BLOB NOT NULL,
    webhook BLOB NOT NULL,
    message BLOB NOT NULL,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- `pending`, `delivered` or `failed`.
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- What came of the last attempt, in a few words.
    outcome TEXT,
    -- Since when it is tried; null before the first attempt.
    tried_since INTEGER,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX webhook_deliveries_id_key ON webhook_deliveries (id);
CREATE INDEX webhook_deliveries_webhook_idx ON webhook_deliveries (webhook, number);
CREATE INDEX webhook_deliveries_message_idx ON webhook_deliveries (message);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (webhook, next_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_line_idx ON webhook_deliveries (webhook, subject, number) WHERE state = 'pending';

CREATE TABLE webhook_attempts (
    delivery BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- In milliseconds.
    took INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    -- The first bytes of the answer, as far as they are text.
    answer TEXT NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT;

-- How many webhooks a vendor has: read with the lock that every event takes, so that a vendor without any pays nothing.
ALTER TABLE event_heads ADD COLUMN webhooks INTEGER NOT NULL DEFAULT 0;
