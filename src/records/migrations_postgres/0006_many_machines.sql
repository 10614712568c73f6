-- Sites that deliver here: each is one home, with one key. In the database of a centre; a home has these tables too, and none of their rows.
CREATE TABLE sites (
    site TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The public half of the key that signs its requests, in hexadecimal digits.
    public_key TEXT COLLATE "C" NOT NULL,
    joined_at TEXT COLLATE "C" NOT NULL,
    -- enrolled, withdrawn or quarantined, and since when.
    standing TEXT COLLATE "C" NOT NULL,
    standing_at TEXT COLLATE "C" NOT NULL,
    -- The last counter that it used.
    counter BIGINT NOT NULL,
    -- What it said of itself last, and when.
    version TEXT COLLATE "C" NOT NULL DEFAULT '',
    heard_at TEXT COLLATE "C",
    backlog BIGINT NOT NULL DEFAULT 0,
    refused BIGINT NOT NULL DEFAULT 0
);

-- What was signed with the last counters: who shows one again with something else is a copy.
CREATE TABLE site_counters (
    site TEXT COLLATE "C" NOT NULL REFERENCES sites (site) ON DELETE CASCADE,
    counter BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, counter)
);

-- Codes by which a site joins, by their SHA-256: each is good once, for ten minutes.
CREATE TABLE site_codes (
    hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    made_by TEXT COLLATE "C" NOT NULL,
    made_at TEXT COLLATE "C" NOT NULL
);

-- Deliveries that are under way: begun here before anything of them lies in the store, for a limited time. A row stays until that is over.
CREATE TABLE uploads (
    recording TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    -- The site's own name for this delivery.
    token TEXT COLLATE "C" NOT NULL,
    -- The SHA-256 of what it says of the recording.
    parcel TEXT COLLATE "C" NOT NULL,
    expires_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX uploads_site ON uploads (site);

-- Where a recording lies in the store: its files in parts, each an object.
CREATE TABLE objects (
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- Both from 1.
    file BIGINT NOT NULL,
    part BIGINT NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (recording, file, part)
);

-- How far the ledgers of sites have come to the store: rows of a segment, in pieces, and the heads that sign them.
CREATE TABLE site_segments (
    site TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    -- The first row of this piece, and the one behind its last.
    first_row BIGINT NOT NULL,
    end_row BIGINT NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, month, first_row)
);
CREATE TABLE site_heads (
    site TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, day)
);

-- In a home: what became of a recording on its way to the centre.
CREATE TABLE deliveries (
    recording TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE,
    -- under-way, refused, leaving (the centre has it, the copy here goes) or left.
    state TEXT COLLATE "C" NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    -- The name of the delivery that is under way, so that the same one goes on after a break.
    token TEXT COLLATE "C",
    -- Why the centre did not take it.
    why TEXT COLLATE "C"
);
CREATE INDEX deliveries_state ON deliveries (state) WHERE state <> 'left';

-- Many sites give their calls the same numbers.
ALTER TABLE calls DROP CONSTRAINT calls_day_sequence_key;
CREATE UNIQUE INDEX calls_number ON calls (site, day, sequence);
