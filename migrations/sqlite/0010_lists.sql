-- What lists of a million rows are filtered, sorted and searched by. Triggers keep it true in the transaction of every
-- change, those of older servers that run beside this one included.
--
-- The rows that exist are gone through afterwards (0012_lists_filled).

-- How a license is used. Not columns of the license: its row changes with every activation, and an index on these there
-- would make PostgreSQL write all of its indexes each time.
CREATE TABLE license_use (
    license BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    -- The folded name of the customer; empty without one.
    holder TEXT NOT NULL,
    taken INTEGER NOT NULL,
    -- Seats that were sold and are not taken; below 0 where more are taken.
    free INTEGER NOT NULL,
    -- When a device was last heard of, to the hour; 0 before the first activation.
    seen_at INTEGER NOT NULL,
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;
CREATE INDEX license_use_holder_idx ON license_use (vendor, holder, license);
CREATE INDEX license_use_taken_idx ON license_use (vendor, taken, license);
CREATE INDEX license_use_free_idx ON license_use (vendor, free, license);
CREATE INDEX license_use_seen_idx ON license_use (vendor, seen_at, license);

CREATE TRIGGER license_use_of_new AFTER INSERT ON licenses BEGIN
    INSERT INTO license_use (license, vendor, holder, taken, free, seen_at)
    VALUES (new.id, new.vendor,
        coalesce((SELECT name_folded FROM customers WHERE vendor = new.vendor AND id = new.customer), ''),
        new.seats_used, json_extract(new.terms, '$.seats') - new.seats_used, 0);
END;
CREATE TRIGGER license_use_of_seats AFTER UPDATE OF seats_used, terms ON licenses
WHEN new.seats_used <> old.seats_used OR new.terms <> old.terms BEGIN
    UPDATE license_use SET taken = new.seats_used, free = json_extract(new.terms, '$.seats') - new.seats_used
    WHERE license = new.id;
END;
CREATE TRIGGER license_use_of_holder AFTER UPDATE OF customer ON licenses WHEN new.customer IS NOT old.customer BEGIN
    UPDATE license_use SET holder =
        coalesce((SELECT name_folded FROM customers WHERE vendor = new.vendor AND id = new.customer), '')
    WHERE license = new.id;
END;
CREATE TRIGGER license_use_of_name AFTER UPDATE OF name_folded ON customers WHEN new.name_folded <> old.name_folded BEGIN
    UPDATE license_use SET holder = new.name_folded
    WHERE license IN (SELECT id FROM licenses WHERE vendor = new.vendor AND customer = new.id);
END;
CREATE TRIGGER license_use_of_new_seat AFTER INSERT ON seats BEGIN
    UPDATE license_use SET seen_at = new.last_seen_at WHERE license = new.license AND seen_at < new.last_seen_at;
END;
-- Once an hour and seat, however often it renews.
CREATE TRIGGER license_use_of_seat AFTER UPDATE OF last_seen_at ON seats
WHEN new.last_seen_at / 3600000000 > old.last_seen_at / 3600000000 BEGIN
    UPDATE license_use SET seen_at = new.last_seen_at WHERE license = new.license AND seen_at < new.last_seen_at;
END;

-- The texts that are searched, in lower case: of `customer`s their name, address and external id, of `order`s the number,
-- of `seat`s the name of the device and who sits there. Not columns of theirs: a seat's row changes with every renewal.
CREATE TABLE texts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    kind TEXT NOT NULL,
    subject BLOB NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX texts_subject_key ON texts (subject);

-- An index of trigrams for each kind, so that however many devices match, the customers that do are found at once. What
-- PostgreSQL has as indexes are tables here.
CREATE VIRTUAL TABLE texts_of_customers USING fts5 (text, content = '', tokenize = 'trigram');
CREATE VIRTUAL TABLE texts_of_orders USING fts5 (text, content = '', tokenize = 'trigram');
CREATE VIRTUAL TABLE texts_of_seats USING fts5 (text, content = '', tokenize = 'trigram');

CREATE TRIGGER texts_of_new_customers AFTER INSERT ON texts WHEN new.kind = 'customer' BEGIN
    INSERT INTO texts_of_customers (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER texts_of_changed_customers AFTER UPDATE OF text ON texts
WHEN new.kind = 'customer' AND new.text <> old.text BEGIN
    INSERT INTO texts_of_customers (texts_of_customers, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO texts_of_customers (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER texts_of_new_orders AFTER INSERT ON texts WHEN new.kind = 'order' BEGIN
    INSERT INTO texts_of_orders (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER texts_of_new_seats AFTER INSERT ON texts WHEN new.kind = 'seat' BEGIN
    INSERT INTO texts_of_seats (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER texts_of_changed_seats AFTER UPDATE OF text ON texts WHEN new.kind = 'seat' AND new.text <> old.text BEGIN
    INSERT INTO texts_of_seats (texts_of_seats, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO texts_of_seats (rowid, text) VALUES (new.id, new.text);
END;

CREATE TRIGGER texts_of_customer AFTER INSERT ON customers BEGIN
    INSERT INTO texts (vendor, kind, subject, text) VALUES (new.vendor, 'customer', new.id,
        new.name_folded || char(10) || lower(coalesce(new.email, '') || char(10) || coalesce(new.external_id, '')));
END;
CREATE TRIGGER texts_of_changed_customer AFTER UPDATE OF name_folded, email, external_id ON customers
WHEN new.name_folded <> old.name_folded OR new.email IS NOT old.email OR new.external_id IS NOT old.external_id BEGIN
    UPDATE texts SET text =
        new.name_folded || char(10) || lower(coalesce(new.email, '') || char(10) || coalesce(new.external_id, ''))
    WHERE subject = new.id;
END;
CREATE TRIGGER texts_of_order AFTER INSERT ON orders BEGIN
    INSERT INTO texts (vendor, kind, subject, text) VALUES (new.vendor, 'order', new.id, lower(new.external_id));
END;
CREATE TRIGGER texts_of_seat AFTER INSERT ON seats WHEN new.name IS NOT NULL OR new.user_email IS NOT NULL BEGIN
    INSERT INTO texts (vendor, kind, subject, text) VALUES (new.vendor, 'seat', new.id,
        lower(coalesce(new.name, '') || char(10) || coalesce(new.user_email, '')));
END;
CREATE TRIGGER texts_of_changed_seat AFTER UPDATE OF name, user_email ON seats
WHEN new.name IS NOT old.name OR new.user_email IS NOT old.user_email BEGIN
    INSERT INTO texts (vendor, kind, subject, text) VALUES (new.vendor, 'seat', new.id,
        lower(coalesce(new.name, '') || char(10) || coalesce(new.user_email, '')))
    ON CONFLICT (subject) DO UPDATE SET text = excluded.text;
END;

-- Lists as somebody wants to see them again: the query of the address under a name.
CREATE TABLE saved_views (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    member BLOB NOT NULL,
    list TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    -- Since when everybody of the vendor sees it; null for its maker alone.
    shared_at INTEGER,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (vendor, member) REFERENCES members (vendor, id)
) STRICT;
CREATE INDEX saved_views_list_idx ON saved_views (vendor, list, id);

-- One act on many licenses or seats, done piece by piece in the background.
CREATE TABLE bulk_acts (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    -- What is done to each, as JSON.
    step TEXT NOT NULL,
    -- Which ones, as JSON: a filter, or nothing where they were chosen one by one.
    filter TEXT NOT NULL,
    -- Where the gathering goes on; null at its beginning.
    gathered TEXT,
    -- The act that this one takes back.
    undoes BLOB,
    -- Who, as in the audit log, from where, and with which request.
    actor TEXT NOT NULL,
    origin TEXT NOT NULL,
    request TEXT NOT NULL,
    -- `gathering`, `running`, `done` or `stopped`.
    state TEXT NOT NULL,
    -- Why it was stopped: `too_many`, `asked` or `failed`.
    stopped TEXT,
    total INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    -- How often it failed since it last went on.
    failures INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- Since when what became of each is no longer kept.
    cleared_at INTEGER
) STRICT;
CREATE UNIQUE INDEX bulk_acts_vendor_key ON bulk_acts (vendor, id);
-- An act is taken back once; one that was stopped before it was through can be begun anew.
CREATE UNIQUE INDEX bulk_acts_undoes_key ON bulk_acts (vendor, undoes) WHERE state <> 'stopped';
CREATE INDEX bulk_acts_turn_idx ON bulk_acts (updated_at, id) WHERE ended_at IS NULL;
CREATE INDEX bulk_acts_ended_idx ON bulk_acts (ended_at) WHERE cleared_at IS NULL;

CREATE TABLE bulk_act_items (
    bulk_act BLOB NOT NULL REFERENCES bulk_acts (id),
    number INTEGER NOT NULL,
    subject BLOB NOT NULL,
    -- `pending`, `changed` or `refused`.
    fate TEXT NOT NULL,
    -- Why it was refused, or what it was before, which taking it back needs.
    detail TEXT NOT NULL,
    PRIMARY KEY (bulk_act, number)
) STRICT;
CREATE INDEX bulk_act_items_fate_idx ON bulk_act_items (bulk_act, fate, number);
