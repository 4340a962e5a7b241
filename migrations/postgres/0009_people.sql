-- Until when somebody whose role asks for a second factor may go on without one; null for at once.
ALTER TABLE members ADD COLUMN factor_due_at BIGINT;
-- Whoever is there already has a week for it: an update does not keep them from their work.
UPDATE members SET factor_due_at = (extract(epoch FROM now())::bigint + 7 * 86400) * 1000000;

-- Who was asked to become a member. Of the link only the hash is kept.
CREATE TABLE invitations (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    email TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL,
    invited_by UUID,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    revoked_at BIGINT,
    FOREIGN KEY (vendor, invited_by) REFERENCES members (vendor, id)
);
CREATE UNIQUE INDEX invitations_token_key ON invitations (token_hash);
CREATE UNIQUE INDEX invitations_vendor_key ON invitations (vendor, id);

-- Second factors: secrets of authenticator apps, sealed, and passkeys.
CREATE TABLE factors (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    member UUID NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    secret_sealed BYTEA,
    credential BYTEA,
    public_key BYTEA,
    -- The time step of the last code that was used, or the passkey's own count of signatures.
    counter BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_used_at BIGINT,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
);
CREATE UNIQUE INDEX factors_vendor_key ON factors (vendor, id);
CREATE UNIQUE INDEX factors_credential_key ON factors (credential);
CREATE INDEX factors_member_idx ON factors (vendor, member);

CREATE TABLE recovery_codes (
    vendor UUID NOT NULL,
    member UUID NOT NULL,
    hash BYTEA NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (vendor, member, hash),
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
);

-- Who has given the password and still owes the second factor.
CREATE TABLE half_sign_ins (
    id_hash BYTEA NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    member UUID NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
);
CREATE INDEX half_sign_ins_member_idx ON half_sign_ins (vendor, member);

-- What a passkey is asked to sign; each is answered once.
CREATE TABLE challenges (
    hash BYTEA NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    member UUID NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
);
CREATE INDEX challenges_end_idx ON challenges (expires_at);

-- Through whom a vendor's people may sign in.
CREATE TABLE sign_in_providers (
    vendor UUID NOT NULL PRIMARY KEY REFERENCES vendors (id),
    issuer TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    secret_sealed BYTEA NOT NULL,
    -- JSON: the domains of the addresses that are let in.
    domains TEXT COLLATE "C" NOT NULL,
    -- What people get who come for the first time; null where only those who were invited come in.
    new_role TEXT COLLATE "C",
    updated_at BIGINT NOT NULL
);

-- Which person of a provider is which member.
CREATE TABLE provider_identities (
    vendor UUID NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    member UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (vendor, issuer, subject),
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
);

-- Who was sent to a provider and has not come back.
CREATE TABLE provider_sign_ins (
    state_hash BYTEA NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    issuer TEXT COLLATE "C" NOT NULL,
    nonce TEXT COLLATE "C" NOT NULL,
    verifier_sealed BYTEA NOT NULL,
    browser_hash BYTEA NOT NULL,
    next TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX provider_sign_ins_end_idx ON provider_sign_ins (expires_at);
