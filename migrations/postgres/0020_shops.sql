-- A vendor's accounts at payment providers.
CREATE TABLE shops (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL REFERENCES vendors (id),
    -- `stripe`, `paddle`, `lemon_squeezy` or `generic`.
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    -- Where its API is, empty where it is not asked, and what it is asked with, sealed.
    api_url TEXT COLLATE "C" NOT NULL,
    api_key BYTEA,
    -- What its messages are signed with, sealed; and what they were before, which counts as well until then.
    secret BYTEA,
    previous_secret BYTEA,
    previous_until BIGINT,
    -- What follows when all was paid back, and when a dispute was lost: `at_once`, `after_days:N` or `ask`.
    on_refund TEXT COLLATE "C" NOT NULL,
    on_dispute TEXT COLLATE "C" NOT NULL,
    -- For how many days licenses go on after a paid period while a subscription renews itself.
    grace_days BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Since when its messages are refused.
    closed_at BIGINT,
    -- Since when its provider has not answered, how often that was, until when it is left alone, and what was in the way.
    failing_since BIGINT,
    failures BIGINT NOT NULL,
    quiet_until BIGINT,
    failure TEXT COLLATE "C"
);
CREATE UNIQUE INDEX shops_vendor_key ON shops (vendor, id);

-- Which price of a shop is which plan.
CREATE TABLE shop_prices (
    vendor UUID NOT NULL,
    shop UUID NOT NULL,
    price TEXT COLLATE "C" NOT NULL,
    -- Null for what needs no license.
    plan UUID,
    -- What the number of pieces means: `seats`, or `one` where there is always one.
    quantity TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (shop, price),
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id),
    FOREIGN KEY (vendor, plan) REFERENCES plans (vendor, id)
);

-- What shops have told us, byte for byte.
CREATE TABLE shop_events (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    shop UUID NOT NULL,
    -- What the provider calls it.
    event TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    -- When it was first to be worked off, or was to be once more.
    asked_at BIGINT NOT NULL,
    -- `waiting`, `applied`, `parked` or `passed_over`.
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- What came of it, in a few words; and the sale that it was about.
    outcome TEXT COLLATE "C",
    sale TEXT COLLATE "C",
    ended_at BIGINT,
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id)
);
CREATE UNIQUE INDEX shop_events_event_key ON shop_events (shop, event);
CREATE INDEX shop_events_shop_idx ON shop_events (vendor, shop, id);
CREATE INDEX shop_events_due_idx ON shop_events (shop, next_at) WHERE state = 'waiting';
CREATE INDEX shop_events_received_idx ON shop_events (received_at);

-- Sales as they stood when they were last applied.
CREATE TABLE shop_sales (
    vendor UUID NOT NULL,
    shop UUID NOT NULL,
    -- What the provider calls it.
    sale TEXT COLLATE "C" NOT NULL,
    order_id UUID,
    -- The customer that somebody has chosen for it.
    customer UUID,
    -- The number of its state, where the shop gives numbers to states.
    sequence BIGINT NOT NULL,
    -- As JSON.
    state TEXT COLLATE "C" NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (shop, sale),
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id),
    FOREIGN KEY (vendor, order_id) REFERENCES orders (vendor, id),
    FOREIGN KEY (vendor, customer) REFERENCES customers (vendor, id)
);
CREATE INDEX shop_sales_order_idx ON shop_sales (vendor, order_id);

-- Which license each line of a sale has become, and what the line said then.
CREATE TABLE shop_lines (
    vendor UUID NOT NULL,
    shop UUID NOT NULL,
    sale TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    price TEXT COLLATE "C" NOT NULL,
    quantity BIGINT NOT NULL,
    license UUID NOT NULL,
    -- The end that the sale gave it last.
    said_end BIGINT,
    PRIMARY KEY (shop, sale, line),
    FOREIGN KEY (vendor, license) REFERENCES licenses (vendor, id)
);
CREATE INDEX shop_lines_license_idx ON shop_lines (vendor, license);

-- What of all this waits for a person, and what became of it.
CREATE TABLE inbox (
    id UUID NOT NULL PRIMARY KEY,
    vendor UUID NOT NULL,
    shop UUID NOT NULL,
    -- What the provider calls the sale; empty where none could be read.
    sale TEXT COLLATE "C" NOT NULL,
    -- What it is about, so that the same is asked once.
    matter TEXT COLLATE "C" NOT NULL,
    -- `price`, `quantity`, `buyer`, `charge`, `held`, `part`, `refund`, `dispute`, `line`, `revoked` or `unreadable`.
    kind TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C",
    order_id UUID,
    -- The message that brought it.
    event UUID NOT NULL,
    -- The sale as JSON, where it could be read, and what the provider answered.
    state TEXT COLLATE "C",
    raw TEXT COLLATE "C" NOT NULL,
    opened_at BIGINT NOT NULL,
    -- `open`, `mapped`, `issued`, `linked`, `revoked`, `again`, `dismissed` or `ruled`.
    resolution TEXT COLLATE "C" NOT NULL,
    -- Who, as JSON, when and why.
    resolved_by TEXT COLLATE "C",
    resolved_at BIGINT,
    reason TEXT COLLATE "C",
    FOREIGN KEY (vendor, shop) REFERENCES shops (vendor, id),
    FOREIGN KEY (vendor, order_id) REFERENCES orders (vendor, id)
);
CREATE UNIQUE INDEX inbox_vendor_key ON inbox (vendor, id);
CREATE UNIQUE INDEX inbox_matter_key ON inbox (shop, sale, matter);
CREATE INDEX inbox_open_idx ON inbox (vendor, id) WHERE resolution = 'open';
CREATE INDEX inbox_event_idx ON inbox (event) WHERE resolution = 'open';
CREATE INDEX inbox_order_idx ON inbox (vendor, order_id);
CREATE INDEX inbox_answers_idx ON inbox (resolved_at) WHERE raw <> '[]';
