-- Sites that deliver here: each is one home, with one key. In the database of a centre; a home has these tables too, and none of their rows.
CREATE TABLE sites (
    site TEXT NOT NULL PRIMARY KEY,
    -- The public half of the key that signs its requests, in hexadecimal digits.
    public_key TEXT NOT NULL,
    joined_at TEXT NOT NULL,
    -- enrolled, withdrawn or quarantined, and since when.
    standing TEXT NOT NULL,
    standing_at TEXT NOT NULL,
    -- The last counter that it used.
    counter BIGINT NOT NULL,
    -- What it said of itself last, and when.
    version TEXT NOT NULL DEFAULT '',
    heard_at TEXT,
    backlog BIGINT NOT NULL DEFAULT 0,
    refused BIGINT NOT NULL DEFAULT 0
);

-- What was signed with the last counters: who shows one again with something else is a copy.
CREATE TABLE site_counters (
    site TEXT NOT NULL REFERENCES sites (site) ON DELETE CASCADE,
    counter BIGINT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (site, counter)
);

-- Codes by which a site joins, by their SHA-256: each is good once, for ten minutes.
CREATE TABLE site_codes (
    hash TEXT NOT NULL PRIMARY KEY,
    made_by TEXT NOT NULL,
    made_at TEXT NOT NULL
);

-- Deliveries that are under way: begun here before anything of them lies in the store, for a limited time. A row stays until that is over.
CREATE TABLE uploads (
    recording TEXT NOT NULL PRIMARY KEY,
    site TEXT NOT NULL,
    -- The site's own name for this delivery.
    token TEXT NOT NULL,
    -- The SHA-256 of what it says of the recording.
    parcel TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX uploads_site ON uploads (site);

-- Where a recording lies in the store: its files in parts, each an object.
CREATE TABLE objects (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- Both from 1.
    file BIGINT NOT NULL,
    part BIGINT NOT NULL,
    place TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (recording, file, part)
);

-- How far the ledgers of sites have come to the store: rows of a segment, in pieces, and the heads that sign them.
CREATE TABLE site_segments (
    site TEXT NOT NULL,
    month TEXT NOT NULL,
    -- The first row of this piece, and the one behind its last.
    first_row BIGINT NOT NULL,
    end_row BIGINT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (site, month, first_row)
);
CREATE TABLE site_heads (
    site TEXT NOT NULL,
    day TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (site, day)
);

-- In a home: what became of a recording on its way to the centre.
CREATE TABLE deliveries (
    recording TEXT NOT NULL PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE,
    -- under-way, refused, leaving (the centre has it, the copy here goes) or left.
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    -- The name of the delivery that is under way, so that the same one goes on after a break.
    token TEXT,
    -- Why the centre did not take it.
    why TEXT
);
CREATE INDEX deliveries_state ON deliveries (state) WHERE state <> 'left';

