-- Numbers of a period that no call has, or whose calls have no row: reserved by an engine that was killed, or lost with an older catalog.
CREATE TABLE skipped_numbers (
    day TEXT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    found_at TEXT NOT NULL,
    PRIMARY KEY (day, first)
);
