-- Everything that Holdfast stores. Times are microseconds since the Unix epoch, ids 16 bytes, JSON text.
-- The file of the same number for the other database has the same tables, columns and indexes.
-- A table of a tenant has (vendor, id) as a key, and references name both, so that no row can refer to another vendor's.

CREATE TABLE vendors (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    manifest_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE event_heads (
    vendor BLOB NOT NULL PRIMARY KEY REFERENCES vendors (id),
    number INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE vendor_counts (
    vendor BLOB NOT NULL REFERENCES vendors (id),
    kind TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (vendor, kind)
) STRICT;

CREATE TABLE setup (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    code_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE TABLE members (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    totp_sealed BLOB,
    created_at INTEGER NOT NULL,
    last_login_at INTEGER,
    disabled_at INTEGER
) STRICT;
CREATE UNIQUE INDEX members_email_key ON members (email);
CREATE UNIQUE INDEX members_vendor_key ON members (vendor, id);

CREATE TABLE sessions (
    id_hash BLOB NOT NULL PRIMARY KEY,
    vendor BLOB,
    member BLOB,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    data TEXT NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX sessions_member_idx ON sessions (vendor, member);
CREATE INDEX sessions_idle_idx ON sessions (idle_expires_at);

CREATE TABLE throttles (
    subject TEXT NOT NULL PRIMARY KEY,
    window_began_at INTEGER NOT NULL,
    hits INTEGER NOT NULL
) STRICT;
CREATE INDEX throttles_window_idx ON throttles (window_began_at);

CREATE TABLE products (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    revocation_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER
) STRICT;
CREATE UNIQUE INDEX products_vendor_key ON products (vendor, id);
CREATE UNIQUE INDEX products_code_key ON products (vendor, code);

CREATE TABLE signing_keys (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    product BLOB,
    kind TEXT NOT NULL,
    kid TEXT NOT NULL,
    public_key BLOB NOT NULL,
    seed_sealed BLOB,
    uses TEXT NOT NULL,
    status TEXT NOT NULL,
    nbf INTEGER NOT NULL,
    exp INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id)
) STRICT;
CREATE UNIQUE INDEX signing_keys_kid_key ON signing_keys (vendor, kid);

-- The subject is the vendor for the list of all its keys, a product for a list of that product's alone.
CREATE TABLE key_manifests (
    vendor BLOB NOT NULL REFERENCES vendors (id),
    subject BLOB NOT NULL,
    seq INTEGER NOT NULL,
    token TEXT NOT NULL,
    signed_at INTEGER NOT NULL,
    PRIMARY KEY (vendor, subject)
) STRICT;

CREATE TABLE plans (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    product BLOB NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id)
) STRICT;
CREATE UNIQUE INDEX plans_vendor_key ON plans (vendor, id);
CREATE UNIQUE INDEX plans_code_key ON plans (vendor, product, code);

CREATE TABLE customers (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    email TEXT,
    external_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX customers_vendor_key ON customers (vendor, id);
CREATE UNIQUE INDEX customers_email_key ON customers (vendor, email);
CREATE UNIQUE INDEX customers_external_key ON customers (vendor, external_id);
CREATE INDEX customers_name_idx ON customers (vendor, name_folded, id);

CREATE TABLE orders (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    customer BLOB,
    external_id TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    refunded_at INTEGER,
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id)
) STRICT;
CREATE UNIQUE INDEX orders_vendor_key ON orders (vendor, id);
CREATE UNIQUE INDEX orders_external_key ON orders (vendor, external_id);
CREATE INDEX orders_customer_idx ON orders (vendor, customer, id);
CREATE INDEX orders_status_idx ON orders (vendor, status, id);

CREATE TABLE licenses (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    product BLOB NOT NULL,
    plan BLOB NOT NULL,
    plan_code TEXT NOT NULL,
    customer BLOB,
    order_id BLOB,
    status TEXT NOT NULL,
    status_reason TEXT,
    status_effective_at INTEGER,
    terms TEXT NOT NULL,
    overrides TEXT NOT NULL,
    -- The greatest number for a license without an end.
    ends_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    key_hash BLOB NOT NULL,
    key_sealed BLOB NOT NULL,
    key_hint TEXT NOT NULL,
    seats_used INTEGER NOT NULL CHECK (seats_used >= 0),
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id),
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id),
    FOREIGN KEY (vendor, order_id) REFERENCES orders (vendor, id)
) STRICT;
CREATE UNIQUE INDEX licenses_vendor_key ON licenses (vendor, id);
CREATE UNIQUE INDEX licenses_key_key ON licenses (product, key_hash);
CREATE INDEX licenses_product_idx ON licenses (vendor, product, id);
CREATE INDEX licenses_plan_idx ON licenses (vendor, plan, id);
CREATE INDEX licenses_customer_idx ON licenses (vendor, customer, id);
CREATE INDEX licenses_order_idx ON licenses (vendor, order_id, id);
CREATE INDEX licenses_status_idx ON licenses (vendor, status, ends_at, id);
CREATE INDEX licenses_state_idx ON licenses (vendor, status, id);
CREATE INDEX licenses_ends_idx ON licenses (vendor, ends_at, id);
CREATE INDEX licenses_hint_idx ON licenses (vendor, key_hint);

CREATE TABLE seats (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    product BLOB NOT NULL,
    license BLOB NOT NULL,
    device BLOB NOT NULL,
    user_email TEXT,
    state TEXT NOT NULL,
    seq INTEGER NOT NULL,
    device_key BLOB,
    borrowed_until INTEGER,
    lease_ends_at INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    name TEXT,
    platform TEXT,
    app_version TEXT,
    offline_until INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    continuity INTEGER NOT NULL,
    released_at INTEGER,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;
CREATE UNIQUE INDEX seats_vendor_key ON seats (vendor, id);
CREATE UNIQUE INDEX seats_device_key ON seats (license, device);
-- Taken seats only: nothing but a search for those may use it, or a device would be looked for among all of a license's.
CREATE INDEX seats_license_idx ON seats (license) WHERE state = 'active';
CREATE INDEX seats_product_idx ON seats (vendor, product, state);
CREATE INDEX seats_seen_idx ON seats (vendor, last_seen_at, id);

CREATE TABLE seat_releases (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    vendor BLOB NOT NULL,
    license BLOB NOT NULL,
    seat BLOB NOT NULL,
    at INTEGER NOT NULL,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;
CREATE INDEX seat_releases_license_idx ON seat_releases (license, at);

CREATE TABLE trials (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    product BLOB NOT NULL,
    device BLOB NOT NULL,
    license BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;
CREATE UNIQUE INDEX trials_device_key ON trials (product, device);

CREATE TABLE events (
    vendor BLOB NOT NULL REFERENCES vendors (id),
    number INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL,
    origin TEXT NOT NULL,
    request TEXT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (vendor, number)
) STRICT;
CREATE INDEX events_subject_idx ON events (vendor, subject, number);
CREATE INDEX events_actor_idx ON events (vendor, actor, number);
CREATE INDEX events_action_idx ON events (vendor, action, number);

CREATE TABLE changes (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    vendor BLOB NOT NULL,
    product BLOB,
    kind TEXT NOT NULL,
    subject BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_at_idx ON changes (at);

CREATE TABLE idempotency (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    vendor BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT;
CREATE INDEX idempotency_created_idx ON idempotency (created_at);

CREATE TABLE api_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    hint TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_by BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER,
    FOREIGN KEY (vendor, created_by) REFERENCES members (vendor, id)
) STRICT;
CREATE UNIQUE INDEX api_tokens_hash_key ON api_tokens (hash);
CREATE UNIQUE INDEX api_tokens_vendor_key ON api_tokens (vendor, id);

CREATE TABLE imports (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    product BLOB NOT NULL,
    plan BLOB,
    name TEXT NOT NULL,
    mapping TEXT NOT NULL,
    status TEXT NOT NULL,
    total INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    existing INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    done INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id),
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id)
) STRICT;
CREATE UNIQUE INDEX imports_vendor_key ON imports (vendor, id);

CREATE TABLE import_rows (
    import BLOB NOT NULL REFERENCES imports (id),
    line INTEGER NOT NULL,
    data BLOB NOT NULL,
    fate TEXT NOT NULL,
    reason TEXT NOT NULL,
    license BLOB,
    PRIMARY KEY (import, line)
) STRICT;
CREATE INDEX import_rows_fate_idx ON import_rows (import, fate, line);

CREATE TABLE job_leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    token INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
