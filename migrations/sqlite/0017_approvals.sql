-- What somebody may not do alone, and asked a second person to approve.
CREATE TABLE approvals (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    -- What is to be done, as JSON.
    asked TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Which member asks, from where, and with which request.
    asked_by BLOB NOT NULL,
    origin TEXT NOT NULL,
    request TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    -- Until when it can be approved.
    expires_at INTEGER NOT NULL,
    -- `waiting`, `approved`, `refused` or `withdrawn`.
    state TEXT NOT NULL,
    -- Which member has decided, when, and what they said.
    decided_by BLOB,
    decided_at INTEGER,
    note TEXT,
    FOREIGN KEY (vendor, asked_by) REFERENCES members (vendor, id),
    FOREIGN KEY (vendor, decided_by) REFERENCES members (vendor, id)
) STRICT;
CREATE UNIQUE INDEX approvals_vendor_key ON approvals (vendor, id);
CREATE INDEX approvals_waiting_idx ON approvals (vendor, expires_at) WHERE state = 'waiting';
