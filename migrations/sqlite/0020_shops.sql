-- A vendor's accounts at payment providers.
CREATE TABLE shops (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL REFERENCES vendors (id),
    -- `stripe`, `paddle`, `lemon_squeezy` or `generic`.
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Where its API is, empty where it is not asked, and what it is asked with, sealed.
    api_url TEXT NOT NULL,
    api_key BLOB,
    -- What its messages are signed with, sealed; and what they were before, which counts as well until then.
    secret BLOB,
    previous_secret BLOB,
    previous_until INTEGER,
    -- What follows when all was paid back, and when a dispute was lost: `at_once`, `after_days:N` or `ask`.
    on_refund TEXT NOT NULL,
    on_dispute TEXT NOT NULL,
    -- For how many days licenses go on after a paid period while a subscription renews itself.
    grace_days INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Since when its messages are refused.
    closed_at INTEGER,
    -- Since when its provider has not answered, how often that was, until when it is left alone, and what was in the way.
    failing_since INTEGER,
    failures INTEGER NOT NULL,
    quiet_until INTEGER,
    failure TEXT
) STRICT;
CREATE UNIQUE INDEX shops_vendor_key ON shops (vendor, id);

-- Which price of a shop is which plan.
CREATE TABLE shop_prices (
    vendor BLOB NOT NULL,
    shop BLOB NOT NULL,
    price TEXT NOT NULL,
    -- Null for what needs no license.
    plan BLOB,
    -- What the number of pieces means: `seats`, or `one` where there is always one.
    quantity TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (shop, price),
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id),
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id)
) STRICT;

-- What shops have told us, byte for byte.
CREATE TABLE shop_events (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    shop BLOB NOT NULL,
    -- What the provider calls it.
    event TEXT NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- When it was first to be worked off, or was to be once more.
    asked_at INTEGER NOT NULL,
    -- `waiting`, `applied`, `parked` or `passed_over`.
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    -- What came of it, in a few words; and the sale that it was about.
    outcome TEXT,
    sale TEXT,
    ended_at INTEGER,
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id)
) STRICT;
CREATE UNIQUE INDEX shop_events_event_key ON shop_events (shop, event);
CREATE INDEX shop_events_shop_idx ON shop_events (vendor, shop, id);
CREATE INDEX shop_events_due_idx ON shop_events (shop, next_at) WHERE state = 'waiting';
CREATE INDEX shop_events_received_idx ON shop_events (received_at);

-- Sales as they stood when they were last applied.
CREATE TABLE shop_sales (
    vendor BLOB NOT NULL,
    shop BLOB NOT NULL,
    -- What the provider calls it.
    sale TEXT NOT NULL,
    order_id BLOB,
    -- The customer that somebody has chosen for it.
    customer BLOB,
    -- The number of its state, where the shop gives numbers to states.
    sequence INTEGER NOT NULL,
    -- As JSON.
    state TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (shop, sale),
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id),
    FOREIGN KEY (vendor, order_id) REFERENCES orders (vendor, id),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id)
) STRICT;
CREATE INDEX shop_sales_order_idx ON shop_sales (vendor, order_id);

-- Which license each line of a sale has become, and what the line said then.
CREATE TABLE shop_lines (
    vendor BLOB NOT NULL,
    shop BLOB NOT NULL,
    sale TEXT NOT NULL,
    line TEXT NOT NULL,
    price TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    license BLOB NOT NULL,
    -- The end that the sale gave it last.
    said_end INTEGER,
    PRIMARY KEY (shop, sale, line),
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
) STRICT;
CREATE INDEX shop_lines_license_idx ON shop_lines (vendor, license);

-- What of all this waits for a person, and what became of it.
CREATE TABLE inbox (
    id BLOB NOT NULL PRIMARY KEY,
    vendor BLOB NOT NULL,
    shop BLOB NOT NULL,
    -- What the provider calls the sale; empty where none could be read.
    sale TEXT NOT NULL,
    -- What it is about, so that the same is asked once.
    matter TEXT NOT NULL,
    -- `price`, `quantity`, `buyer`, `charge`, `held`, `part`, `refund`, `dispute`, `line`, `revoked` or `unreadable`.
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    line TEXT,
    order_id BLOB,
    -- The message that brought it.
    event BLOB NOT NULL,
    -- The sale as JSON, where it could be read, and what the provider answered.
    state TEXT,
    raw TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    -- `open`, `mapped`, `issued`, `linked`, `revoked`, `again`, `dismissed` or `ruled`.
    resolution TEXT NOT NULL,
    -- Who, as JSON, when and why.
    resolved_by TEXT,
    resolved_at INTEGER,
    reason TEXT,
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id),
    FOREIGN KEY (vendor, order_id) REFERENCES orders (vendor, id)
) STRICT;
CREATE UNIQUE INDEX inbox_vendor_key ON inbox (vendor, id);
CREATE UNIQUE INDEX inbox_matter_key ON inbox (shop, sale, matter);
CREATE INDEX inbox_open_idx ON inbox (vendor, id) WHERE resolution = 'open';
CREATE INDEX inbox_event_idx ON inbox (event) WHERE resolution = 'open';
CREATE INDEX inbox_order_idx ON inbox (vendor, order_id);
CREATE INDEX inbox_answers_idx ON inbox (resolved_at) WHERE raw <> '[]';
