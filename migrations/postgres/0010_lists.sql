-- What lists of a million rows are filtered, sorted and searched by. Triggers keep it true in the transaction of every
-- change, those of older servers that run beside this one included.
--
-- The rows that exist are gone through afterwards (0012_lists_filled), a few at a time.
--
-- The extension comes with PostgreSQL (on Debian, with its main package) and is one that whoever may create a table in the
-- database may install.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

LOCK TABLE customers, orders, licenses, seats IN SHARE ROW EXCLUSIVE MODE;

-- How a license is used. Not columns of the license: its row changes with every activation, and an index on these there
-- would make PostgreSQL write all of its indexes each time.
CREATE TABLE license_use (
    license UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    -- The folded name of the customer; empty without one.
    holder TEXT COLLATE "C" NOT NULL,
    taken BIGINT NOT NULL,
    -- Seats that were sold and are not taken; below 0 where more are taken.
    free BIGINT NOT NULL,
    -- When a device was last heard of, to the hour; 0 before the first activation.
    seen_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
CREATE INDEX license_use_holder_idx ON license_use (vendor, holder, license);
CREATE INDEX license_use_taken_idx ON license_use (vendor, taken, license);
CREATE INDEX license_use_free_idx ON license_use (vendor, free, license);
CREATE INDEX license_use_seen_idx ON license_use (vendor, seen_at, license);

CREATE FUNCTION license_use_of_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO license_use (license, vendor, holder, taken, free, seen_at)
    VALUES (new.id, new.vendor,
        coalesce((SELECT name_folded FROM customers WHERE vendor = new.vendor AND id = new.customer), ''),
        new.seats_used, (new.terms::json ->> 'seats')::bigint - new.seats_used, 0);
    RETURN NULL;
END $$;
CREATE TRIGGER license_use_of_new AFTER INSERT ON licenses
FOR EACH ROW EXECUTE FUNCTION license_use_of_new();

CREATE FUNCTION license_use_of_seats() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE license_use SET taken = new.seats_used, free = (new.terms::json ->> 'seats')::bigint - new.seats_used
    WHERE license = new.id;
    RETURN NULL;
END $$;
CREATE TRIGGER license_use_of_seats AFTER UPDATE OF seats_used, terms ON licenses
FOR EACH ROW WHEN (new.seats_used <> old.seats_used OR new.terms <> old.terms) EXECUTE FUNCTION license_use_of_seats();

CREATE FUNCTION license_use_of_holder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE license_use SET holder =
        coalesce((SELECT name_folded FROM customers WHERE vendor = new.vendor AND id = new.customer), '')
    WHERE license = new.id;
    RETURN NULL;
END $$;
CREATE TRIGGER license_use_of_holder AFTER UPDATE OF customer ON licenses
FOR EACH ROW WHEN (new.customer IS DISTINCT FROM old.customer) EXECUTE FUNCTION license_use_of_holder();

CREATE FUNCTION license_use_of_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE license_use SET holder = new.name_folded
    WHERE license IN (SELECT id FROM licenses WHERE vendor = new.vendor AND customer = new.id);
    RETURN NULL;
END $$;
CREATE TRIGGER license_use_of_name AFTER UPDATE OF name_folded ON customers
FOR EACH ROW WHEN (new.name_folded <> old.name_folded) EXECUTE FUNCTION license_use_of_name();

CREATE FUNCTION license_use_of_new_seat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE license_use SET seen_at = new.last_seen_at WHERE license = new.license AND seen_at < new.last_seen_at;
    RETURN NULL;
END $$;
CREATE TRIGGER license_use_of_new_seat AFTER INSERT ON seats
FOR EACH ROW EXECUTE FUNCTION license_use_of_new_seat();
-- Once an hour and seat, however often it renews. Renewals are written in batches that hold no license and wait for no
-- lock: where somebody else is writing the row, the next renewal says it.
CREATE FUNCTION license_use_of_seat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE license_use SET seen_at = new.last_seen_at WHERE license IN (SELECT license FROM license_use
        WHERE license = new.license AND seen_at < new.last_seen_at FOR NO KEY UPDATE SKIP LOCKED);
    RETURN NULL;
END $$;
CREATE TRIGGER license_use_of_seat AFTER UPDATE OF last_seen_at ON seats
FOR EACH ROW WHEN (new.last_seen_at / 3600000000 > old.last_seen_at / 3600000000) EXECUTE FUNCTION license_use_of_seat();

-- Lower case of every script, where this PostgreSQL was built with ICU.
DO $do$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE FUNCTION texts_folded(said TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $f$
            SELECT lower(said COLLATE "und-x-icu")
        $f$;
    ELSE
        CREATE FUNCTION texts_folded(said TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $f$ SELECT lower(said) $f$;
    END IF;
END $do$;

-- The texts that are searched, in lower case: of `customer`s their name, address and external id, of `order`s the number,
-- of `seat`s the name of the device and who sits there. Not columns of theirs: a seat's row changes with every renewal.
CREATE TABLE texts (
    id BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    kind TEXT COLLATE "C" NOT NULL,
    subject UUID NOT NULL,
    text TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX texts_subject_key ON texts (subject);

-- An index of trigrams for each kind, so that however many devices match, the customers that do are found at once. What
-- waits to be sorted into one is read through by every search: it is kept short.
CREATE INDEX texts_of_customers ON texts USING gin (text gin_trgm_ops) WITH (gin_pending_list_limit = 256)
WHERE kind = 'customer';
CREATE INDEX texts_of_orders ON texts USING gin (text gin_trgm_ops) WITH (gin_pending_list_limit = 256)
WHERE kind = 'order';
CREATE INDEX texts_of_seats ON texts USING gin (text gin_trgm_ops) WITH (gin_pending_list_limit = 256)
WHERE kind = 'seat';

CREATE FUNCTION texts_of_customer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO texts (vendor, kind, subject, text) VALUES (new.vendor, 'customer', new.id,
        new.name_folded || chr(10) || texts_folded(coalesce(new.email, '') || chr(10) || coalesce(new.external_id, '')))
    ON CONFLICT (subject) DO UPDATE SET text = excluded.text;
    RETURN NULL;
END $$;
CREATE TRIGGER texts_of_customer AFTER INSERT ON customers
FOR EACH ROW EXECUTE FUNCTION texts_of_customer();
CREATE TRIGGER texts_of_changed_customer AFTER UPDATE OF name_folded, email, external_id ON customers
FOR EACH ROW WHEN (new.name_folded <> old.name_folded OR new.email IS DISTINCT FROM old.email
    OR new.external_id IS DISTINCT FROM old.external_id) EXECUTE FUNCTION texts_of_customer();

CREATE FUNCTION texts_of_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO texts (vendor, kind, subject, text) VALUES (new.vendor, 'order', new.id, texts_folded(new.external_id));
    RETURN NULL;
END $$;
CREATE TRIGGER texts_of_order AFTER INSERT ON orders
FOR EACH ROW EXECUTE FUNCTION texts_of_order();

CREATE FUNCTION texts_of_seat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO texts (vendor, kind, subject, text) VALUES (new.vendor, 'seat', new.id,
        texts_folded(coalesce(new.name, '') || chr(10) || coalesce(new.user_email, '')))
    ON CONFLICT (subject) DO UPDATE SET text = excluded.text;
    RETURN NULL;
END $$;
CREATE TRIGGER texts_of_seat AFTER INSERT ON seats
FOR EACH ROW WHEN (new.name IS NOT NULL OR new.user_email IS NOT NULL) EXECUTE FUNCTION texts_of_seat();
CREATE TRIGGER texts_of_changed_seat AFTER UPDATE OF name, user_email ON seats
FOR EACH ROW WHEN (new.name IS DISTINCT FROM old.name OR new.user_email IS DISTINCT FROM old.user_email)
EXECUTE FUNCTION texts_of_seat();

-- Lists as somebody wants to see them again: the query of the address under a name.
CREATE TABLE saved_views (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    member UUID NOT NULL,
    list TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    query TEXT COLLATE "C" NOT NULL,
    -- Since when everybody of the vendor sees it; null for its maker alone.
    shared_at BIGINT,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
);
CREATE INDEX saved_views_list_idx ON saved_views (vendor, list, id);

-- One act on many licenses or seats, done piece by piece in the background.
CREATE TABLE bulk_acts (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    -- What is done to each, as JSON.
    step TEXT COLLATE "C" NOT NULL,
    -- Which ones, as JSON: a filter, or nothing where they were chosen one by one.
    filter TEXT COLLATE "C" NOT NULL,
    -- Where the gathering goes on; null at its beginning.
    gathered TEXT COLLATE "C",
    -- The act that this one takes back.
    undoes UUID,
    -- Who, as in the audit log, from where, and with which request.
    actor TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    -- `gathering`, `running`, `done` or `stopped`.
    state TEXT COLLATE "C" NOT NULL,
    -- Why it was stopped: `too_many`, `asked` or `failed`.
    stopped TEXT COLLATE "C",
    total BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    -- How often it failed since it last went on.
    failures BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- Since when what became of each is no longer kept.
    cleared_at BIGINT
);
CREATE UNIQUE INDEX bulk_acts_vendor_key ON bulk_acts (vendor, id);
-- An act is taken back once; one that was stopped before it was through can be begun anew.
CREATE UNIQUE INDEX bulk_acts_undoes_key ON bulk_acts (vendor, undoes) WHERE state <> 'stopped';
CREATE INDEX bulk_acts_turn_idx ON bulk_acts (updated_at, id) WHERE ended_at IS NULL;
CREATE INDEX bulk_acts_ended_idx ON bulk_acts (ended_at) WHERE cleared_at IS NULL;

CREATE TABLE bulk_act_items (
    bulk_act UUID NOT NULL REFERENCES bulk_acts (id),
    number BIGINT NOT NULL,
    subject UUID NOT NULL,
    -- `pending`, `changed` or `refused`.
    fate TEXT COLLATE "C" NOT NULL,
    -- Why it was refused, or what it was before, which taking it back needs.
    detail TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (bulk_act, number)
);
CREATE INDEX bulk_act_items_fate_idx ON bulk_act_items (bulk_act, fate, number);
