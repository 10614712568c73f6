-- One row for every call, kept or not: the ledger's first form. No audio, nothing of the customer.
-- Times are RFC 3339 in UTC with six digits after the second, so that they sort as text. Lists of words are joined by commas.
CREATE TABLE calls (
    call TEXT NOT NULL PRIMARY KEY,
    -- The day (UTC) and the call's place in it. Without a place: known from its recording alone.
    day TEXT NOT NULL,
    sequence BIGINT,
    agent TEXT NOT NULL,
    direction TEXT NOT NULL,
    began_at TEXT NOT NULL,
    ended_at TEXT,
    seconds DOUBLE PRECISION,
    -- live, kept, discarded or lost.
    outcome TEXT NOT NULL,
    reasons TEXT NOT NULL DEFAULT '',
    private BOOLEAN NOT NULL DEFAULT FALSE,
    objected BOOLEAN NOT NULL DEFAULT FALSE,
    gaps BIGINT NOT NULL DEFAULT 0,
    gap_seconds DOUBLE PRECISION NOT NULL DEFAULT 0,
    late_frames BIGINT NOT NULL DEFAULT 0,
    lost_frames BIGINT NOT NULL DEFAULT 0,
    UNIQUE (day, sequence)
);

-- The start of the engine asks for the calls that an earlier run left live: few, among hundreds of thousands.
CREATE INDEX calls_live ON calls (call) WHERE outcome = 'live';

-- What is kept, from the moment its commit begins.
CREATE TABLE recordings (
    id TEXT NOT NULL PRIMARY KEY,
    call TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    customer TEXT,
    direction TEXT NOT NULL,
    began_at TEXT NOT NULL,
    -- How long the recording is, and how much of the call's beginning was dropped before it.
    seconds DOUBLE PRECISION,
    first_seconds DOUBLE PRECISION NOT NULL DEFAULT 0,
    rate BIGINT NOT NULL,
    -- Under the home folder, so that the folder can move.
    path TEXT NOT NULL,
    bytes BIGINT,
    reasons TEXT NOT NULL,
    -- Bookmarks, DTMF and transfers, as one JSON object.
    marks TEXT NOT NULL DEFAULT '{}',
    -- committing, complete or incomplete.
    state TEXT NOT NULL,
    committed_at TEXT
);

CREATE INDEX recordings_committing ON recordings (call) WHERE state = 'committing';

-- Why a recording exists: one row for each purpose.
CREATE TABLE purposes (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- quality or incident.
    purpose TEXT NOT NULL,
    -- The lawful basis.
    basis TEXT NOT NULL,
    -- When it is no longer in force; none while that waits for an event.
    due_at TEXT,
    PRIMARY KEY (recording, purpose)
);
