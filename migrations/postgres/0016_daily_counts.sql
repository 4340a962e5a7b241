-- How much happens a day (UTC), by vendor, so that nobody has to count it when it is looked at.
--
-- Events are read while nothing new is written: about a second for a million of them. Renewals are answered meanwhile.

LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE daily_counts (
    vendor UUID NOT NULL REFERENCES vendors (id),
    -- What was counted: `activations` or `renewals`.
    kind TEXT COLLATE "C" NOT NULL,
    -- When the day began.
    day BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (vendor, kind, day)
);

-- Activations are counted with the events that tell of them, in their transaction: exactly, those that older servers beside
-- this one write included. Once for each statement, so that a batch of activations changes a row once. Whoever writes events
-- has locked the heads of their vendors, so nobody ever waits for these rows. Nodes add what they renewed by themselves, now
-- and then.
CREATE FUNCTION daily_counts_of_activations() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO daily_counts (vendor, kind, day, number)
    SELECT vendor, 'activations', at - at % 86400000000, count(*) FROM said WHERE action = 'seat.claimed' GROUP BY 1, 3
    ON CONFLICT (vendor, kind, day) DO UPDATE SET number = daily_counts.number + excluded.number;
    RETURN NULL;
END $$;
CREATE TRIGGER daily_counts_of_activations AFTER INSERT ON events REFERENCING NEW TABLE AS said
FOR EACH STATEMENT EXECUTE FUNCTION daily_counts_of_activations();

INSERT INTO daily_counts (vendor, kind, day, number)
SELECT vendor, 'activations', at - at % 86400000000, count(*) FROM events WHERE action = 'seat.claimed' GROUP BY 1, 3;
