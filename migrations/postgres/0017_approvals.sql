-- What somebody may not do alone, and asked a second person to approve.
CREATE TABLE approvals (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    -- What is to be done, as JSON.
    asked TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    -- Which member asks, from where, and with which request.
    asked_by UUID NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    asked_at BIGINT NOT NULL,
    -- Until when it can be approved.
    expires_at BIGINT NOT NULL,
    -- `waiting`, `approved`, `refused` or `withdrawn`.
    state TEXT COLLATE "C" NOT NULL,
    -- Which member has decided, when, and what they said.
    decided_by UUID,
    decided_at BIGINT,
    note TEXT COLLATE "C",
    FOREIGN KEY (vendor, asked_by) REFERENCES members (vendor, id),
    FOREIGN KEY (vendor, decided_by) REFERENCES members (vendor, id)
);
CREATE UNIQUE INDEX approvals_vendor_key ON approvals (vendor, id);
CREATE INDEX approvals_waiting_idx ON approvals (vendor, expires_at) WHERE state = 'waiting';
