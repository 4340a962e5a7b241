-- How much happens a day (UTC), by vendor, so that nobody has to count it when it is looked at.
CREATE TABLE daily_counts (
    vendor BLOB NOT NULL REFERENCES vendors (id),
    -- What was counted: `activations` or `renewals`.
    kind TEXT NOT NULL,
    -- When the day began.
    day INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (vendor, kind, day)
) STRICT;

-- Activations are counted with the event that tells of each, in its transaction: exactly, those that older servers beside
-- this one write included. Nodes add what they renewed by themselves, now and then.
CREATE TRIGGER daily_counts_of_activations AFTER INSERT ON events WHEN new.action = 'seat.claimed' BEGIN
    INSERT INTO daily_counts (vendor, kind, day, number)
    VALUES (new.vendor, 'activations', new.at - new.at % 86400000000, 1)
    ON CONFLICT (vendor, kind, day) DO UPDATE SET number = daily_counts.number + excluded.number;
END;

INSERT INTO daily_counts (vendor, kind, day, number)
SELECT vendor, 'activations', at - at % 86400000000, count(*) FROM events WHERE action = 'seat.claimed' GROUP BY 1, 3;
