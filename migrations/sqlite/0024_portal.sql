-- The customers' portal. Who of a customer comes in.
CREATE TABLE customer_people (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    customer BLOB NOT NULL,
    email TEXT NOT NULL,
    name TEXT,
    -- `administrator` or `user`.
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_login_at INTEGER,
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id)
) STRICT;
CREATE UNIQUE INDEX customer_people_vendor_key ON customer_people (vendor, id);
CREATE UNIQUE INDEX customer_people_customer_key ON customer_people (customer, email);
CREATE INDEX customer_people_email_idx ON customer_people (vendor, email);

-- Their sessions: of a person, or for the devices of one license.
CREATE TABLE portal_sessions (
    id_hash BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    customer BLOB NOT NULL,
    person BLOB,
    license BLOB,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    browser TEXT NOT NULL,
    -- What a computer without a network was last answered through it, as JSON.
    answer TEXT,
    CHECK ((person IS NULL) <> (license IS NULL)),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id),
    FOREIGN KEY (vendor, person) REFERENCES customer_people (vendor, id) ON DELETE CASCADE,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;
CREATE INDEX portal_sessions_person_idx ON portal_sessions (vendor, person);
CREATE INDEX portal_sessions_license_idx ON portal_sessions (vendor, license);
CREATE INDEX portal_sessions_idle_idx ON portal_sessions (idle_expires_at);

-- Who has asked for a code. Of the browser's secret and of the code only hashes are kept.
CREATE TABLE portal_sign_ins (
    id_hash BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    email TEXT NOT NULL,
    code_hash BLOB NOT NULL,
    tries INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX portal_sign_ins_end_idx ON portal_sign_ins (expires_at);

-- How a vendor's portal looks and where it is.
CREATE TABLE vendor_portals (
    vendor BLOB NOT NULL PRIMARY KEY REFERENCES vendors (id),
    -- What stands in the portal's address in place of the id.
    short_name TEXT,
    -- The host name that leads to it.
    domain TEXT,
    -- What it is called; null for the vendor's own name.
    name TEXT,
    -- The accent colour, `#rrggbb`.
    accent TEXT,
    -- The picture as it is served, its content type, and what its address ends in.
    logo BLOB,
    logo_type TEXT,
    logo_hash TEXT,
    -- What stands at the way in, and on every page below.
    welcome TEXT,
    help TEXT,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX vendor_portals_short_key ON vendor_portals (short_name);
CREATE UNIQUE INDEX vendor_portals_domain_key ON vendor_portals (domain);

-- Where the portal sends whoever wants to renew or upgrade a license of the plan.
CREATE TABLE plan_links (
    vendor BLOB NOT NULL,
    plan BLOB NOT NULL PRIMARY KEY,
    renew TEXT,
    upgrade TEXT,
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id)
) STRICT;

-- When a trial became a license that was bought, and when its license ends; null for what an older release began.
ALTER TABLE trials ADD COLUMN converted_at INTEGER;
ALTER TABLE trials ADD COLUMN ends_at INTEGER;
