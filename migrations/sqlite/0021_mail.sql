-- Mails on their way, and the log of what came of them.
CREATE TABLE mails (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    -- Which text it has: `sign_in`, `license_issued`, ….
    template TEXT NOT NULL,
    recipient TEXT NOT NULL,
    -- What it follows from: the text form of an id.
    about TEXT NOT NULL,
    -- What it says, as JSON: in the clear, or sealed where there is a secret in it. Sealed, it is forgotten once it is sent.
    value TEXT,
    sealed BLOB,
    -- `queued`, `sent`, `bounced`, `failed` or `expired`.
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- When it is to be tried next. While somebody tries it, when somebody else may.
    next_at INTEGER NOT NULL,
    -- Until when it is worth being sent.
    expires_at INTEGER NOT NULL,
    -- What was in the way last time.
    error TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX mails_vendor_key ON mails (vendor, id);
CREATE INDEX mails_recipient_idx ON mails (vendor, recipient, id);
CREATE INDEX mails_about_idx ON mails (vendor, about);
CREATE INDEX mails_due_idx ON mails (next_at) WHERE state = 'queued';
CREATE INDEX mails_sent_idx ON mails (ended_at) WHERE state = 'sent';
CREATE INDEX mails_created_idx ON mails (created_at);

-- How a vendor's mails look.
CREATE TABLE mail_looks (
    vendor BLOB NOT NULL PRIMARY KEY REFERENCES vendors (id),
    -- Under which name they are sent, where answers go, and the colour; null for the usual.
    sender TEXT,
    reply_to TEXT,
    colour TEXT,
    -- JSON: the vendor's own words by template.
    texts TEXT NOT NULL,
    -- JSON: the products whose keys are mailed to customers when a license is issued.
    issued TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Of which alerts an owner or admin is told by mail: `none`, `critical` or `all`; null for the usual.
ALTER TABLE members ADD COLUMN alert_mail TEXT;
