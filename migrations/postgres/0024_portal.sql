-- The customers' portal. Who of a customer comes in.
CREATE TABLE customer_people (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    customer UUID NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    -- `administrator` or `user`.
    role TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT,
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id)
);
CREATE UNIQUE INDEX customer_people_vendor_key ON customer_people (vendor, id);
CREATE UNIQUE INDEX customer_people_customer_key ON customer_people (customer, email);
CREATE INDEX customer_people_email_idx ON customer_people (vendor, email);

-- Their sessions: of a person, or for the devices of one license.
CREATE TABLE portal_sessions (
    id_hash BYTEA NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    customer UUID NOT NULL,
    person UUID,
    license UUID,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    browser TEXT COLLATE "C" NOT NULL,
    -- What a computer without a network was last answered through it, as JSON.
    answer TEXT COLLATE "C",
    CHECK ((person IS NULL) <> (license IS NULL)),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id),
    FOREIGN KEY (vendor, person) REFERENCES customer_people (vendor, id) ON DELETE CASCADE,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
CREATE INDEX portal_sessions_person_idx ON portal_sessions (vendor, person);
CREATE INDEX portal_sessions_license_idx ON portal_sessions (vendor, license);
CREATE INDEX portal_sessions_idle_idx ON portal_sessions (idle_expires_at);

-- Who has asked for a code. Of the browser's secret and of the code only hashes are kept.
CREATE TABLE portal_sign_ins (
    id_hash BYTEA NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    email TEXT COLLATE "C" NOT NULL,
    code_hash BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX portal_sign_ins_end_idx ON portal_sign_ins (expires_at);

-- How a vendor's portal looks and where it is.
CREATE TABLE vendor_portals (
    vendor UUID NOT NULL PRIMARY KEY REFERENCES vendors (id),
    -- What stands in the portal's address in place of the id.
    short_name TEXT COLLATE "C",
    -- The host name that leads to it.
    domain TEXT COLLATE "C",
    -- What it is called; null for the vendor's own name.
    name TEXT COLLATE "C",
    -- The accent colour, `#rrggbb`.
    accent TEXT COLLATE "C",
    -- The picture as it is served, its content type, and what its address ends in.
    logo BYTEA,
    logo_type TEXT COLLATE "C",
    logo_hash TEXT COLLATE "C",
    -- What stands at the way in, and on every page below.
    welcome TEXT COLLATE "C",
    help TEXT COLLATE "C",
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX vendor_portals_short_key ON vendor_portals (short_name);
CREATE UNIQUE INDEX vendor_portals_domain_key ON vendor_portals (domain);

-- Where the portal sends whoever wants to renew or upgrade a license of the plan.
CREATE TABLE plan_links (
    vendor UUID NOT NULL,
    plan UUID NOT NULL PRIMARY KEY,
    renew TEXT COLLATE "C",
    upgrade TEXT COLLATE "C",
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id)
);

-- When a trial became a license that was bought, and when its license ends; null for what an older release began.
ALTER TABLE trials ADD COLUMN converted_at BIGINT;
ALTER TABLE trials ADD COLUMN ends_at BIGINT;
