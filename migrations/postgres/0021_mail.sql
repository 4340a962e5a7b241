-- Mails on their way, and the log of what came of them.
CREATE TABLE mails (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    -- Which text it has: `sign_in`, `license_issued`, ….
    template TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    -- What it follows from: the text form of an id.
    about TEXT COLLATE "C" NOT NULL,
    -- What it says, as JSON: in the clear, or sealed where there is a secret in it. Sealed, it is forgotten once it is sent.
    value TEXT COLLATE "C",
    sealed BYTEA,
    -- `queued`, `sent`, `bounced`, `failed` or `expired`.
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    -- When it is to be tried next. While somebody tries it, when somebody else may.
    next_at BIGINT NOT NULL,
    -- Until when it is worth being sent.
    expires_at BIGINT NOT NULL,
    -- What was in the way last time.
    error TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX mails_vendor_key ON mails (vendor, id);
CREATE INDEX mails_recipient_idx ON mails (vendor, recipient, id);
CREATE INDEX mails_about_idx ON mails (vendor, about);
CREATE INDEX mails_due_idx ON mails (next_at) WHERE state = 'queued';
CREATE INDEX mails_sent_idx ON mails (ended_at) WHERE state = 'sent';
CREATE INDEX mails_created_idx ON mails (created_at);

-- How a vendor's mails look.
CREATE TABLE mail_looks (
    vendor UUID NOT NULL PRIMARY KEY REFERENCES vendors (id),
    -- Under which name they are sent, where answers go, and the colour; null for the usual.
    sender TEXT COLLATE "C",
    reply_to TEXT COLLATE "C",
    colour TEXT COLLATE "C",
    -- JSON: the vendor's own words by template.
    texts TEXT COLLATE "C" NOT NULL,
    -- JSON: the products whose keys are mailed to customers when a license is issued.
    issued TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Of which alerts an owner or admin is told by mail: `none`, `critical` or `all`; null for the usual.
ALTER TABLE members ADD COLUMN alert_mail TEXT COLLATE "C";
