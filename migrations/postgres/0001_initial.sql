-- Everything that Holdfast stores. Times are microseconds since the Unix epoch, ids 16 bytes, JSON text.
-- The file of the same number for the other database has the same tables, columns and indexes.
-- A table of a tenant has (vendor, id) as a key, and references name both, so that no row can refer to another vendor's.

CREATE TABLE vendors (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    manifest_seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE event_heads (
    vendor UUID NOT NULL PRIMARY KEY REFERENCES vendors (id),
    number BIGINT NOT NULL,
    hash BYTEA NOT NULL
);

CREATE TABLE vendor_counts (
    vendor UUID NOT NULL REFERENCES vendors (id),
    kind TEXT COLLATE "C" NOT NULL,
    rows BIGINT NOT NULL,
    PRIMARY KEY (vendor, kind)
);

CREATE TABLE setup (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    code_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE members (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    email TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C",
    totp_sealed BYTEA,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT,
    disabled_at BIGINT
);
CREATE UNIQUE INDEX members_email_key ON members (email);
CREATE UNIQUE INDEX members_vendor_key ON members (vendor, id);

CREATE TABLE sessions (
    id_hash BYTEA NOT NULL PRIMARY KEY,
    vendor UUID,
    member UUID,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id) ON DELETE CASCADE
);
CREATE INDEX sessions_member_idx ON sessions (vendor, member);
CREATE INDEX sessions_idle_idx ON sessions (idle_expires_at);

CREATE TABLE throttles (
    subject TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    window_began_at BIGINT NOT NULL,
    hits BIGINT NOT NULL
);
CREATE INDEX throttles_window_idx ON throttles (window_began_at);

CREATE TABLE products (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    code TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    revocation_seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX products_vendor_key ON products (vendor, id);
CREATE UNIQUE INDEX products_code_key ON products (vendor, code);

CREATE TABLE signing_keys (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    product UUID,
    kind TEXT COLLATE "C" NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    public_key BYTEA NOT NULL,
    seed_sealed BYTEA,
    uses TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    nbf BIGINT NOT NULL,
    exp BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id)
);
CREATE UNIQUE INDEX signing_keys_kid_key ON signing_keys (vendor, kid);

-- The subject is the vendor for the list of all its keys, a product for a list of that product's alone.
CREATE TABLE key_manifests (
    vendor UUID NOT NULL REFERENCES vendors (id),
    subject UUID NOT NULL,
    seq BIGINT NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    signed_at BIGINT NOT NULL,
    PRIMARY KEY (vendor, subject)
);

CREATE TABLE plans (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    product UUID NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    terms TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    archived_at BIGINT,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id)
);
CREATE UNIQUE INDEX plans_vendor_key ON plans (vendor, id);
CREATE UNIQUE INDEX plans_code_key ON plans (vendor, product, code);

CREATE TABLE customers (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX customers_vendor_key ON customers (vendor, id);
CREATE UNIQUE INDEX customers_email_key ON customers (vendor, email);
CREATE UNIQUE INDEX customers_external_key ON customers (vendor, external_id);
CREATE INDEX customers_name_idx ON customers (vendor, name_folded, id);

CREATE TABLE orders (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    customer UUID,
    external_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    refunded_at BIGINT,
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id)
);
CREATE UNIQUE INDEX orders_vendor_key ON orders (vendor, id);
CREATE UNIQUE INDEX orders_external_key ON orders (vendor, external_id);
CREATE INDEX orders_customer_idx ON orders (vendor, customer, id);
CREATE INDEX orders_status_idx ON orders (vendor, status, id);

CREATE TABLE licenses (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    product UUID NOT NULL,
    plan UUID NOT NULL,
    plan_code TEXT COLLATE "C" NOT NULL,
    customer UUID,
    order_id UUID,
    status TEXT COLLATE "C" NOT NULL,
    status_reason TEXT COLLATE "C",
    status_effective_at BIGINT,
    terms TEXT COLLATE "C" NOT NULL,
    overrides TEXT COLLATE "C" NOT NULL,
    -- The greatest number for a license without an end.
    ends_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    key_hash BYTEA NOT NULL,
    key_sealed BYTEA NOT NULL,
    key_hint TEXT COLLATE "C" NOT NULL,
    seats_used BIGINT NOT NULL CHECK (seats_used >= 0),
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id),
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id),
    FOREIGN KEY (vendor, order_id) REFERENCES orders (vendor, id)
) WITH (fillfactor = 90);
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
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    product UUID NOT NULL,
    license UUID NOT NULL,
    device BYTEA NOT NULL,
    user_email TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    device_key BYTEA,
    borrowed_until BIGINT,
    lease_ends_at BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    name TEXT COLLATE "C",
    platform TEXT COLLATE "C",
    app_version TEXT COLLATE "C",
    offline_until BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    continuity BIGINT NOT NULL,
    released_at BIGINT,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX seats_vendor_key ON seats (vendor, id);
CREATE UNIQUE INDEX seats_device_key ON seats (license, device);
-- Taken seats only: nothing but a search for those may use it, or a device would be looked for among all of a license's.
CREATE INDEX seats_license_idx ON seats (license) WHERE state = 'active';
CREATE INDEX seats_product_idx ON seats (vendor, product, state);
CREATE INDEX seats_seen_idx ON seats (vendor, last_seen_at, id);

CREATE TABLE seat_releases (
    id BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    vendor UUID NOT NULL,
    license UUID NOT NULL,
    seat UUID NOT NULL,
    at BIGINT NOT NULL,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
CREATE INDEX seat_releases_license_idx ON seat_releases (license, at);

CREATE TABLE trials (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    product UUID NOT NULL,
    device BYTEA NOT NULL,
    license UUID NOT NULL,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
CREATE UNIQUE INDEX trials_device_key ON trials (product, device);

CREATE TABLE events (
    vendor UUID NOT NULL REFERENCES vendors (id),
    number BIGINT NOT NULL,
    id UUID NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (vendor, number)
);
CREATE INDEX events_subject_idx ON events (vendor, subject, number);
CREATE INDEX events_actor_idx ON events (vendor, actor, number);
CREATE INDEX events_action_idx ON events (vendor, action, number);

CREATE TABLE changes (
    seq BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    vendor UUID NOT NULL,
    product UUID,
    kind TEXT COLLATE "C" NOT NULL,
    subject UUID NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX changes_at_idx ON changes (at);

CREATE TABLE idempotency (
    actor TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    vendor UUID NOT NULL,
    body_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_created_idx ON idempotency (created_at);

CREATE TABLE api_tokens (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    hint TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    created_by UUID,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    FOREIGN KEY (vendor, created_by) REFERENCES members (vendor, id)
);
CREATE UNIQUE INDEX api_tokens_hash_key ON api_tokens (hash);
CREATE UNIQUE INDEX api_tokens_vendor_key ON api_tokens (vendor, id);

CREATE TABLE imports (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    product UUID NOT NULL,
    plan UUID,
    name TEXT COLLATE "C" NOT NULL,
    mapping TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    total BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    existing BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    done BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, product) REFERENCES products (vendor, id),
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id)
);
CREATE UNIQUE INDEX imports_vendor_key ON imports (vendor, id);

CREATE TABLE import_rows (
    import UUID NOT NULL REFERENCES imports (id),
    line BIGINT NOT NULL,
    data BYTEA NOT NULL,
    fate TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    license UUID,
    PRIMARY KEY (import, line)
);
CREATE INDEX import_rows_fate_idx ON import_rows (import, fate, line);

CREATE TABLE job_leases (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    token BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
