-- How a recording lives and dies, who decided what about it, and the ledger. Everything here is quick whatever the size of the catalog, but for
-- passes over what is kept.

-- Beside `state`, which says what is on disk: kept, restricted (the officer alone), deleting (nothing can hold it back any more) or gone (its file
-- is; the row has neither customer nor marks).
ALTER TABLE recordings ADD COLUMN life TEXT NOT NULL DEFAULT 'kept';
-- Since when, and for `deleting` by which lease.
ALTER TABLE recordings ADD COLUMN life_at TEXT;
ALTER TABLE recordings ADD COLUMN life_token BIGINT;
-- When what is recorded ends, by the wall clock. Without it nothing is ever due, and it is listed as an error.
ALTER TABLE recordings ADD COLUMN ends_at TEXT;
-- When an erasure of it was granted.
ALTER TABLE recordings ADD COLUMN erased_at TEXT;
-- The draw of a sampled call, in hexadecimal digits: calls are heard in this order, and those beyond what can be heard go in the reverse one.
ALTER TABLE recordings ADD COLUMN draw TEXT;
-- The SHA-256 of its files, as its tombstone has it.
ALTER TABLE recordings ADD COLUMN sha256 TEXT;

CREATE INDEX recordings_life ON recordings (life) WHERE life <> 'kept';
CREATE INDEX recordings_agent ON recordings (agent, began_at, id);
CREATE INDEX recordings_began ON recordings (began_at, id);
CREATE INDEX recordings_draw ON recordings (draw) WHERE draw IS NOT NULL;

-- Why a recording exists: one row for each purpose, and for each case or request that needs it. When it ends follows from its anchors and from the
-- policy; that is computed when it is asked for, and stored nowhere.
CREATE TABLE purposes_6 (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- quality, incident, request, training or other.
    purpose TEXT NOT NULL,
    -- The case, request or decision that needs it; empty: the recording's own.
    about TEXT NOT NULL DEFAULT '',
    -- The lawful basis, in words.
    basis TEXT NOT NULL,
    PRIMARY KEY (recording, purpose, about)
);
INSERT INTO purposes_6 (recording, purpose, basis) SELECT recording, purpose, basis FROM purposes;

-- Each due date was that of its rule: so many days after the end of what is recorded. That end anchors the purposes that nothing else has happened
-- to.
UPDATE recordings SET ends_at = COALESCE(
    (SELECT MIN(date(substr(due_at, 1, 10), CASE purpose WHEN 'incident' THEN '-7 days' ELSE '-14 days' END) || substr(due_at, 11))
     FROM purposes WHERE recording = recordings.id),
    strftime('%Y-%m-%dT%H:%M:%f', began_at, '+' || (first_seconds + seconds) || ' seconds') || '000Z'
);
DROP TABLE purposes;
ALTER TABLE purposes_6 RENAME TO purposes;
CREATE INDEX purposes_about ON purposes (about) WHERE about <> '';

-- What has happened to a purpose that its time counts from: an event, or a date that the event names.
CREATE TABLE anchors (
    recording TEXT NOT NULL,
    purpose TEXT NOT NULL,
    about TEXT NOT NULL DEFAULT '',
    -- From 1 on, in the order in which they were written down.
    place BIGINT NOT NULL,
    anchor TEXT NOT NULL,
    at TEXT NOT NULL,
    -- The day that it names, if it names one.
    day TEXT,
    PRIMARY KEY (recording, purpose, about, place),
    FOREIGN KEY (recording, purpose, about) REFERENCES purposes (recording, purpose, about) ON DELETE CASCADE
);
CREATE INDEX anchors_anchor ON anchors (anchor, at);

-- Somebody listened, or took a copy: who, why, and by right of which review, case or request.
CREATE TABLE uses (
    id TEXT NOT NULL PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    by_whom TEXT NOT NULL,
    -- play, export or disclose.
    kind TEXT NOT NULL,
    why TEXT NOT NULL,
    of TEXT,
    -- Of a copy that left the home: who has it, or where it was written.
    to_whom TEXT,
    at TEXT NOT NULL
);
CREATE INDEX uses_recording ON uses (recording, at);
CREATE INDEX uses_by_whom ON uses (by_whom, at);

-- The outcome of listening to a sampled call. One that was opened and not decided has no outcome.
CREATE TABLE reviews (
    id TEXT NOT NULL PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    reviewer TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    -- Whether it was its turn.
    in_order BOOLEAN NOT NULL,
    -- no-finding, learning-moment, private-call or skipped.
    outcome TEXT,
    skip_reason TEXT,
    decided_at TEXT
);
CREATE INDEX reviews_recording ON reviews (recording);
CREATE INDEX reviews_open ON reviews (reviewer, opened_at) WHERE outcome IS NULL;

-- What a reviewer or case handler wrote about a recording. It goes with it, and never enters the ledger.
CREATE TABLE notes (
    id TEXT NOT NULL PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- The purpose whose people see it.
    purpose TEXT NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    at_seconds DOUBLE PRECISION,
    written_at TEXT NOT NULL
);
CREATE INDEX notes_recording ON notes (recording, written_at);

-- What an agent answers to a note.
CREATE TABLE replies (
    id TEXT NOT NULL PRIMARY KEY,
    note TEXT NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    author TEXT NOT NULL,
    -- reply or objection.
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    written_at TEXT NOT NULL,
    -- Of an objection: what the officer decided.
    decision TEXT,
    decided_by TEXT,
    decided_at TEXT
);
CREATE INDEX replies_note ON replies (note, written_at);

-- A wish to use a recording for a purpose that it does not have, and who approved it.
CREATE TABLE proposals (
    id TEXT NOT NULL PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    reason TEXT NOT NULL,
    basis TEXT NOT NULL,
    compatibility TEXT,
    ends_with TEXT,
    review_on TEXT NOT NULL,
    informed_on TEXT,
    proposed_by TEXT NOT NULL,
    -- Whose hand wrote it: the owner's, where they act for somebody.
    proposed_through TEXT,
    proposed_at TEXT NOT NULL,
    -- The agent whose yes it needs.
    agreed_by TEXT,
    agreed_at TEXT,
    approved_by TEXT,
    approved_at TEXT,
    refused_at TEXT
);
CREATE INDEX proposals_recording ON proposals (recording);

-- The matter that incidents belong to.
CREATE TABLE cases (
    id TEXT NOT NULL PRIMARY KEY,
    opened_by TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    handler TEXT,
    -- When somebody last said that it is still needed.
    needed_at TEXT NOT NULL,
    closed_by TEXT,
    closed_at TEXT,
    outcome TEXT,
    judged_on TEXT
);
CREATE INDEX cases_open ON cases (needed_at) WHERE closed_at IS NULL;

CREATE TABLE case_recordings (
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    attached_by TEXT NOT NULL,
    attached_at TEXT NOT NULL,
    PRIMARY KEY (case_id, recording)
);
CREATE INDEX case_recordings_recording ON case_recordings (recording);

-- Legal holds: a recording with one that is not released is not deleted.
CREATE TABLE holds (
    id TEXT NOT NULL PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- What it waits for, in words, and the day on which it is looked at again.
    until_event TEXT NOT NULL,
    review_on TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_at TEXT NOT NULL,
    released_by TEXT,
    released_at TEXT,
    release_reason TEXT
);
CREATE INDEX holds_in_force ON holds (recording) WHERE released_at IS NULL;

-- What a customer or agent asks for, and when that is due: its month counts from receipt.
CREATE TABLE requests (
    id TEXT NOT NULL PRIMARY KEY,
    -- access or erasure.
    kind TEXT NOT NULL,
    -- Of whom: a number as it was given and in its one form (empty once the request is answered), an agent, or a call around some time.
    customer TEXT,
    customer_form TEXT,
    agent TEXT,
    around TEXT,
    -- Of an erasure: why it is asked for.
    reason TEXT,
    received_on TEXT NOT NULL,
    entered_by TEXT NOT NULL,
    entered_at TEXT NOT NULL,
    extended_at TEXT,
    extension_reason TEXT,
    -- granted, refused or nothing-held; none while it is open.
    outcome TEXT,
    ground TEXT,
    answered_by TEXT,
    answered_at TEXT
);
CREATE INDEX requests_open ON requests (received_on) WHERE answered_at IS NULL;

-- What a request covers: frozen from its entry.
CREATE TABLE request_recordings (
    request TEXT NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- candidate, confirmed, excluded, or (of an erasure) refused.
    state TEXT NOT NULL,
    -- How identity was checked.
    identity_check TEXT,
    decided_by TEXT,
    decided_at TEXT,
    PRIMARY KEY (request, recording)
);
CREATE INDEX request_recordings_recording ON request_recordings (recording);

-- Customers who object to the sample, by a keyed hash of their number.
CREATE TABLE objections (
    customer_hash TEXT NOT NULL PRIMARY KEY,
    objected_at TEXT NOT NULL,
    withdrawn_at TEXT
);

-- What happened to an agent that purposes wait for: evaluated, or left.
CREATE TABLE agent_events (
    id TEXT NOT NULL PRIMARY KEY,
    agent TEXT NOT NULL,
    event TEXT NOT NULL,
    at TEXT NOT NULL,
    noted_by TEXT NOT NULL
);
CREATE INDEX agent_events_agent ON agent_events (agent, at);

-- People, and what they may do.
CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    -- The agent that they are.
    agent TEXT,
    made_at TEXT NOT NULL,
    removed_at TEXT
);

CREATE TABLE user_roles (
    name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    -- agent, reviewer, case-handler, privacy-officer, administrator or council.
    role TEXT NOT NULL,
    PRIMARY KEY (name, role)
);

-- The policy as it was, by version: a longer rule binds only later calls.
CREATE TABLE policies (
    version BIGINT NOT NULL PRIMARY KEY,
    since TEXT NOT NULL,
    -- As one JSON object.
    text TEXT NOT NULL
);

-- What was deleted, so that no backup brings it back. The same stands in a file beside the catalog.
CREATE TABLE tombstones (
    recording TEXT NOT NULL PRIMARY KEY,
    call TEXT NOT NULL,
    sha256 TEXT,
    buried_at TEXT NOT NULL
);
CREATE INDEX tombstones_call ON tombstones (call);

-- The proof of a deletion.
CREATE TABLE receipts (
    recording TEXT NOT NULL PRIMARY KEY,
    -- Why: the purpose that ended last, or the erasure.
    reason TEXT NOT NULL,
    -- When the file was unlinked and the rows were gone,
    out_of_reach_at TEXT NOT NULL,
    -- and when what they said was overwritten too; none until then.
    overwritten_at TEXT,
    -- Exports outside the home, as a JSON list: no sweep reaches them.
    exports TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX receipts_open ON receipts (out_of_reach_at) WHERE overwritten_at IS NULL;

-- Backups of the catalog: what was deleted later is still in them.
CREATE TABLE backups (
    id TEXT NOT NULL PRIMARY KEY,
    path TEXT NOT NULL,
    made_at TEXT NOT NULL
);

-- Who sweeps: a later holder has a larger token, and a write with a smaller one fails.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires_at TEXT NOT NULL
);

-- The ledger. Whose it is: a home that was copied has more than one.
CREATE TABLE ledger_sites (
    site TEXT NOT NULL PRIMARY KEY,
    -- The key that its heads are signed with, as tools for signed notes take it.
    public_key TEXT NOT NULL,
    opened_at TEXT NOT NULL
);

-- A segment is a month (UTC) of one site.
CREATE TABLE ledger_segments (
    segment BIGINT NOT NULL PRIMARY KEY,
    site TEXT NOT NULL,
    month TEXT NOT NULL,
    -- What the next row goes on from: written in the transaction that writes a row.
    state TEXT NOT NULL,
    -- The key of its people's pseudonyms, in hexadecimal digits; none once it has expired.
    pseudonym_key TEXT,
    -- How many rows it has and the root over them, once no more are written.
    rows BIGINT,
    root TEXT,
    expired_at TEXT,
    UNIQUE (site, month)
);

-- From 0 on in each segment. The text is as `docs/ledger.md` describes it; the next row names the hash.
CREATE TABLE ledger_rows (
    segment BIGINT NOT NULL REFERENCES ledger_segments (segment) ON DELETE CASCADE,
    row BIGINT NOT NULL,
    text TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (segment, row)
);

-- With what a free text was hashed before it was named in a row. They go with the recording that the text is about: then nobody can guess it.
CREATE TABLE ledger_salts (
    digest TEXT NOT NULL PRIMARY KEY,
    recording TEXT REFERENCES recordings (id) ON DELETE CASCADE,
    salt TEXT NOT NULL
);
CREATE INDEX ledger_salts_recording ON ledger_salts (recording);

-- The signed state at a day's end: one for each day of a site. They stay when segments expire.
CREATE TABLE ledger_heads (
    site TEXT NOT NULL,
    day TEXT NOT NULL,
    segment BIGINT NOT NULL,
    -- How many rows of the segment it covers.
    rows BIGINT NOT NULL,
    sealed_at TEXT NOT NULL,
    -- A signed note (C2SP).
    text TEXT NOT NULL,
    PRIMARY KEY (site, day)
);

-- Months whose seeds are promised. A second promise for one month is there to be found.
CREATE TABLE ledger_months (
    site TEXT NOT NULL,
    month TEXT NOT NULL,
    -- The hash of its first day's seed.
    commitment TEXT NOT NULL,
    -- The council's number, once it is in the ledger.
    number TEXT,
    PRIMARY KEY (site, month, commitment)
);

-- Periods of the draw. A day can have several: with each change of N another one begins.
CREATE TABLE ledger_periods (
    site TEXT NOT NULL,
    period BIGINT NOT NULL,
    day TEXT NOT NULL,
    -- The first number that is drawn in it.
    first BIGINT NOT NULL,
    one_in BIGINT NOT NULL,
    -- When the seed of its day was published.
    published_at TEXT,
    PRIMARY KEY (site, period)
);
CREATE INDEX ledger_periods_day ON ledger_periods (site, day, period);
CREATE INDEX ledger_periods_unpublished ON ledger_periods (site, day) WHERE published_at IS NULL;

-- In whose ledger a call is, in which period, and how far: empty (before there was one), began or ended.
ALTER TABLE calls ADD COLUMN site TEXT;
-- How the customer was informed (tape, spoken or none; nothing where that was never said), and whether the line is never captured.
ALTER TABLE calls ADD COLUMN informed TEXT;
ALTER TABLE calls ADD COLUMN exempt BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE calls ADD COLUMN period BIGINT;
ALTER TABLE calls ADD COLUMN ledger TEXT NOT NULL DEFAULT '';
CREATE INDEX calls_lost ON calls (began_at, call) WHERE outcome = 'lost' AND ledger = 'began';
