-- Until when somebody whose role asks for a second factor may go on without one; null for at once.
ALTER TABLE members ADD COLUMN factor_due_at INTEGER;
-- Whoever is there already has a week for it: an update does not keep them from their work.
UPDATE members SET factor_due_at = (unixepoch() + 7 * 86400) * 1000000;

-- Who was asked to become a member. Of the link only the hash is kept.
CREATE TABLE invitations (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    invited_by BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    accepted_at INTEGER,
    revoked_at INTEGER,
    FOREIGN KEY (vendor, invited_by) REFERENCES members (vendor, id)
) STRICT;
CREATE UNIQUE INDEX invitations_token_key ON invitations (token_hash);
CREATE UNIQUE INDEX invitations_vendor_key ON invitations (vendor, id);

-- Second factors: secrets of authenticator apps, sealed, and passkeys.
CREATE TABLE factors (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    member BLOB NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret_sealed BLOB,
    credential BLOB,
    public_key BLOB,
    -- The time step of the last code that was used, or the passkey's own count of signatures.
    counter INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_used_at INTEGER,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
) STRICT;
CREATE UNIQUE INDEX factors_vendor_key ON factors (vendor, id);
CREATE UNIQUE INDEX factors_credential_key ON factors (credential);
CREATE INDEX factors_member_idx ON factors (vendor, member);

CREATE TABLE recovery_codes (
    vendor BLOB NOT NULL,
    member BLOB NOT NULL,
    hash BLOB NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (vendor, member, hash),
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
) STRICT;

-- Who has given the password and still owes the second factor.
CREATE TABLE half_sign_ins (
    id_hash BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    member BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
) STRICT;
CREATE INDEX half_sign_ins_member_idx ON half_sign_ins (vendor, member);

-- What a passkey is asked to sign; each is answered once.
CREATE TABLE challenges (
    hash BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    member BLOB NOT NULL,
    purpose TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
) STRICT;
CREATE INDEX challenges_end_idx ON challenges (expires_at);

-- Through whom a vendor's people may sign in.
CREATE TABLE sign_in_providers (
    vendor BLOB NOT NULL PRIMARY KEY REFERENCES vendors (id),
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    -- JSON: the domains of the addresses that are let in.
    domains TEXT NOT NULL,
    -- What people get who come for the first time; null where only those who were invited come in.
    new_role TEXT,
    updated_at INTEGER NOT NULL
) STRICT;

-- Which person of a provider is which member.
CREATE TABLE provider_identities (
    vendor BLOB NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    member BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (vendor, issuer, subject),
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
) STRICT;

-- Who was sent to a provider and has not come back.
CREATE TABLE provider_sign_ins (
    state_hash BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    issuer TEXT NOT NULL,
    nonce TEXT NOT NULL,
    verifier_sealed BLOB NOT NULL,
    browser_hash BLOB NOT NULL,
    next TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX provider_sign_ins_end_idx ON provider_sign_ins (expires_at);
