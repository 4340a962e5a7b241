-- Licenses of a confirmed import, made ready piece by piece before all of them are inserted in one transaction: copying
-- from table to table holds others up far less than sending the values then.
CREATE TABLE import_licenses (
    import UUID NOT NULL REFERENCES imports (id),
    piece BIGINT NOT NULL,
    id UUID NOT NULL,
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
    ends_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    key_hash BYTEA NOT NULL,
    key_sealed BYTEA NOT NULL,
    key_hint TEXT COLLATE "C" NOT NULL,
    seats_used BIGINT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (import, piece, id)
);
