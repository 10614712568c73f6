-- All tables, as the migrations of a home's catalog leave them: the same names, and columns of the same kind. A test compares the two.
-- Text is sorted by its bytes, as SQLite does it: pages go on from the last row of the page before.

-- One row for every call, kept or not: the ledger's first form. No audio, nothing of the customer.
-- Times are RFC 3339 in UTC with six digits after the second, so that they sort as text. Lists of words are joined by commas.
CREATE TABLE calls (
    call TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The day (UTC) and the call's place in it. Without a place: known from its recording alone.
    day TEXT COLLATE "C" NOT NULL,
    sequence BIGINT,
    agent TEXT COLLATE "C" NOT NULL,
    direction TEXT COLLATE "C" NOT NULL,
    began_at TEXT COLLATE "C" NOT NULL,
    ended_at TEXT COLLATE "C",
    seconds DOUBLE PRECISION,
    -- live, kept, discarded or lost.
    outcome TEXT COLLATE "C" NOT NULL,
    reasons TEXT COLLATE "C" NOT NULL DEFAULT '',
    private BOOLEAN NOT NULL DEFAULT FALSE,
    objected BOOLEAN NOT NULL DEFAULT FALSE,
    gaps BIGINT NOT NULL DEFAULT 0,
    gap_seconds DOUBLE PRECISION NOT NULL DEFAULT 0,
    late_frames BIGINT NOT NULL DEFAULT 0,
    lost_frames BIGINT NOT NULL DEFAULT 0,
    -- A call that was cut off, by a lost connection or because the engine went, may go on as another one, which names it.
    continues TEXT COLLATE "C",
    -- Whether the call was cut off: nobody hung up.
    cut_off BOOLEAN NOT NULL DEFAULT FALSE,
    -- In whose ledger a call is, in which period, and how far: empty (before there was one), began or ended.
    site TEXT COLLATE "C",
    -- How the customer was informed (tape, spoken or none; nothing where that was never said), and whether the line is never captured.
    informed TEXT COLLATE "C",
    exempt BOOLEAN NOT NULL DEFAULT FALSE,
    period BIGINT,
    ledger TEXT COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (day, sequence)
);
CREATE INDEX calls_live ON calls (call) WHERE outcome = 'live';
CREATE INDEX calls_cut_off ON calls (began_at) WHERE cut_off;
CREATE INDEX calls_continues ON calls (continues) WHERE continues IS NOT NULL;
CREATE INDEX calls_lost ON calls (began_at, call) WHERE outcome = 'lost' AND ledger = 'began';

-- What is kept, from the moment its commit begins.
CREATE TABLE recordings (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    call TEXT COLLATE "C" NOT NULL UNIQUE,
    agent TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C",
    direction TEXT COLLATE "C" NOT NULL,
    began_at TEXT COLLATE "C" NOT NULL,
    -- How long the recording is, and how much of the call's beginning was dropped before it.
    seconds DOUBLE PRECISION,
    first_seconds DOUBLE PRECISION NOT NULL DEFAULT 0,
    rate BIGINT NOT NULL,
    -- Under the home folder, so that the folder can move.
    path TEXT COLLATE "C" NOT NULL,
    bytes BIGINT,
    reasons TEXT COLLATE "C" NOT NULL,
    -- Bookmarks, DTMF and transfers, as one JSON object.
    marks TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    -- committing, complete or incomplete.
    state TEXT COLLATE "C" NOT NULL,
    committed_at TEXT COLLATE "C",
    -- The recording of the call that was cut off and went on as this one.
    continues TEXT COLLATE "C",
    -- The customer's number in its one form (E.164), and the rule by which that was made.
    customer_form TEXT COLLATE "C",
    customer_rule TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- Beside `state`, which says what is on disk: kept, restricted (the officer alone), deleting (nothing can hold it back any more) or gone (its
    -- file is; the row has neither customer nor marks).
    life TEXT COLLATE "C" NOT NULL DEFAULT 'kept',
    -- Since when, and for `deleting` by which lease.
    life_at TEXT COLLATE "C",
    life_token BIGINT,
    -- When what is recorded ends, by the wall clock. Without it nothing is ever due, and it is listed as an error.
    ends_at TEXT COLLATE "C",
    -- When an erasure of it was granted.
    erased_at TEXT COLLATE "C",
    -- The draw of a sampled call, in hexadecimal digits: calls are heard in this order, and those beyond what can be heard go in the reverse one.
    draw TEXT COLLATE "C",
    -- The SHA-256 of its files, as its tombstone has it.
    sha256 TEXT COLLATE "C"
);
CREATE INDEX recordings_committing ON recordings (call) WHERE state = 'committing';
CREATE INDEX recordings_customer ON recordings (customer) WHERE customer IS NOT NULL;
CREATE INDEX recordings_customer_form ON recordings (customer_form) WHERE customer_form IS NOT NULL;
CREATE INDEX recordings_customer_rule ON recordings (customer_rule) WHERE customer IS NOT NULL;
CREATE INDEX recordings_life ON recordings (life) WHERE life <> 'kept';
CREATE INDEX recordings_agent ON recordings (agent, began_at, id);
CREATE INDEX recordings_began ON recordings (began_at, id);
CREATE INDEX recordings_draw ON recordings (draw) WHERE draw IS NOT NULL;

-- Numbers of a period that no call has, or whose calls have no row: reserved by an engine that was killed, or lost with an older catalog.
CREATE TABLE skipped_numbers (
    day TEXT COLLATE "C" NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    found_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (day, first)
);

-- Who talked for the desk in a recording, from when to when in its call. The recording's own `agent` is the first of them.
CREATE TABLE participants (
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    agent TEXT COLLATE "C" NOT NULL,
    from_seconds DOUBLE PRECISION NOT NULL,
    to_seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recording, from_seconds)
);
CREATE INDEX participants_agent ON participants (agent);

-- The files of a recording, in their order: more than one if it is longer than a WAV file can be. The recording's own `path` is that of the
-- first, its `bytes` and `seconds` are those of all.
CREATE TABLE parts (
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- From 1.
    part BIGINT NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recording, part)
);

-- Why a recording exists: one row for each purpose, and for each case or request that needs it. When it ends follows from its anchors and from the
-- policy; that is computed when it is asked for, and stored nowhere.
CREATE TABLE purposes (
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- quality, incident, request, training or other.
    purpose TEXT COLLATE "C" NOT NULL,
    -- The case, request or decision that needs it; empty: the recording's own.
    about TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- The lawful basis, in words.
    basis TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (recording, purpose, about)
);
CREATE INDEX purposes_about ON purposes (about) WHERE about <> '';

-- What has happened to a purpose that its time counts from: an event, or a date that the event names.
CREATE TABLE anchors (
    recording TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    about TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- From 1 on, in the order in which they were written down.
    place BIGINT NOT NULL,
    anchor TEXT COLLATE "C" NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    -- The day that it names, if it names one.
    day TEXT COLLATE "C",
    PRIMARY KEY (recording, purpose, about, place),
    FOREIGN KEY (recording, purpose, about) REFERENCES purposes (recording, purpose, about) ON DELETE CASCADE
);
CREATE INDEX anchors_anchor ON anchors (anchor, at);

-- Somebody listened, or took a copy: who, why, and by right of which review, case or request.
CREATE TABLE uses (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    by_whom TEXT COLLATE "C" NOT NULL,
    -- play, export or disclose.
    kind TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    of TEXT COLLATE "C",
    -- Of a copy that left the home: who has it, or where it was written.
    to_whom TEXT COLLATE "C",
    at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX uses_recording ON uses (recording, at);
CREATE INDEX uses_by_whom ON uses (by_whom, at);

-- The outcome of listening to a sampled call. One that was opened and not decided has no outcome.
CREATE TABLE reviews (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    reviewer TEXT COLLATE "C" NOT NULL,
    opened_at TEXT COLLATE "C" NOT NULL,
    -- Whether it was its turn.
    in_order BOOLEAN NOT NULL,
    -- no-finding, learning-moment, private-call or skipped.
    outcome TEXT COLLATE "C",
    skip_reason TEXT COLLATE "C",
    decided_at TEXT COLLATE "C"
);
CREATE INDEX reviews_recording ON reviews (recording);
CREATE INDEX reviews_open ON reviews (reviewer, opened_at) WHERE outcome IS NULL;

-- What a reviewer or case handler wrote about a recording. It goes with it, and never enters the ledger.
CREATE TABLE notes (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- The purpose whose people see it.
    purpose TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    at_seconds DOUBLE PRECISION,
    written_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX notes_recording ON notes (recording, written_at);

-- What an agent answers to a note.
CREATE TABLE replies (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    note TEXT COLLATE "C" NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    author TEXT COLLATE "C" NOT NULL,
    -- reply or objection.
    kind TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    written_at TEXT COLLATE "C" NOT NULL,
    -- Of an objection: what the officer decided.
    decision TEXT COLLATE "C",
    decided_by TEXT COLLATE "C",
    decided_at TEXT COLLATE "C"
);
CREATE INDEX replies_note ON replies (note, written_at);

-- A wish to use a recording for a purpose that it does not have, and who approved it.
CREATE TABLE proposals (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    purpose TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    basis TEXT COLLATE "C" NOT NULL,
    compatibility TEXT COLLATE "C",
    ends_with TEXT COLLATE "C",
    review_on TEXT COLLATE "C" NOT NULL,
    informed_on TEXT COLLATE "C",
    proposed_by TEXT COLLATE "C" NOT NULL,
    -- Whose hand wrote it: the owner's, where they act for somebody.
    proposed_through TEXT COLLATE "C",
    proposed_at TEXT COLLATE "C" NOT NULL,
    -- The agent whose yes it needs.
    agreed_by TEXT COLLATE "C",
    agreed_at TEXT COLLATE "C",
    approved_by TEXT COLLATE "C",
    approved_at TEXT COLLATE "C",
    refused_at TEXT COLLATE "C"
);
CREATE INDEX proposals_recording ON proposals (recording);

-- The matter that incidents belong to.
CREATE TABLE cases (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    opened_by TEXT COLLATE "C" NOT NULL,
    opened_at TEXT COLLATE "C" NOT NULL,
    handler TEXT COLLATE "C",
    -- When somebody last said that it is still needed.
    needed_at TEXT COLLATE "C" NOT NULL,
    closed_by TEXT COLLATE "C",
    closed_at TEXT COLLATE "C",
    outcome TEXT COLLATE "C",
    judged_on TEXT COLLATE "C"
);
CREATE INDEX cases_open ON cases (needed_at) WHERE closed_at IS NULL;

CREATE TABLE case_recordings (
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    attached_by TEXT COLLATE "C" NOT NULL,
    attached_at TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (case_id, recording)
);
CREATE INDEX case_recordings_recording ON case_recordings (recording);

-- Legal holds: a recording with one that is not released is not deleted.
CREATE TABLE holds (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    reason TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    -- What it waits for, in words, and the day on which it is looked at again.
    until_event TEXT COLLATE "C" NOT NULL,
    review_on TEXT COLLATE "C" NOT NULL,
    set_by TEXT COLLATE "C" NOT NULL,
    set_at TEXT COLLATE "C" NOT NULL,
    released_by TEXT COLLATE "C",
    released_at TEXT COLLATE "C",
    release_reason TEXT COLLATE "C"
);
CREATE INDEX holds_in_force ON holds (recording) WHERE released_at IS NULL;

-- What a customer or agent asks for, and when that is due: its month counts from receipt.
CREATE TABLE requests (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- access or erasure.
    kind TEXT COLLATE "C" NOT NULL,
    -- Of whom: a number as it was given and in its one form (empty once the request is answered), an agent, or a call around some time.
    customer TEXT COLLATE "C",
    customer_form TEXT COLLATE "C",
    agent TEXT COLLATE "C",
    around TEXT COLLATE "C",
    -- Of an erasure: why it is asked for.
    reason TEXT COLLATE "C",
    received_on TEXT COLLATE "C" NOT NULL,
    entered_by TEXT COLLATE "C" NOT NULL,
    entered_at TEXT COLLATE "C" NOT NULL,
    extended_at TEXT COLLATE "C",
    extension_reason TEXT COLLATE "C",
    -- granted, refused or nothing-held; none while it is open.
    outcome TEXT COLLATE "C",
    ground TEXT COLLATE "C",
    answered_by TEXT COLLATE "C",
    answered_at TEXT COLLATE "C"
);
CREATE INDEX requests_open ON requests (received_on) WHERE answered_at IS NULL;

-- What a request covers: frozen from its entry.
CREATE TABLE request_recordings (
    request TEXT COLLATE "C" NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
    recording TEXT COLLATE "C" NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- candidate, confirmed, excluded, or (of an erasure) refused.
    state TEXT COLLATE "C" NOT NULL,
    -- How identity was checked.
    identity_check TEXT COLLATE "C",
    decided_by TEXT COLLATE "C",
    decided_at TEXT COLLATE "C",
    PRIMARY KEY (request, recording)
);
CREATE INDEX request_recordings_recording ON request_recordings (recording);

-- Customers who object to the sample, by a keyed hash of their number.
CREATE TABLE objections (
    customer_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    objected_at TEXT COLLATE "C" NOT NULL,
    withdrawn_at TEXT COLLATE "C"
);

-- What happened to an agent that purposes wait for: evaluated, or left.
CREATE TABLE agent_events (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    agent TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    noted_by TEXT COLLATE "C" NOT NULL
);
CREATE INDEX agent_events_agent ON agent_events (agent, at);

-- People, and what they may do.
CREATE TABLE users (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The agent that they are.
    agent TEXT COLLATE "C",
    made_at TEXT COLLATE "C" NOT NULL,
    removed_at TEXT COLLATE "C"
);

CREATE TABLE user_roles (
    name TEXT COLLATE "C" NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    -- agent, reviewer, case-handler, privacy-officer, administrator or council.
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (name, role)
);

-- The policy as it was, by version: a longer rule binds only later calls.
CREATE TABLE policies (
    version BIGINT NOT NULL PRIMARY KEY,
    since TEXT COLLATE "C" NOT NULL,
    -- As one JSON object.
    text TEXT COLLATE "C" NOT NULL
);

-- What was deleted, so that no backup brings it back. The same stands in a file beside the catalog.
CREATE TABLE tombstones (
    recording TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    call TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C",
    buried_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX tombstones_call ON tombstones (call);

-- The proof of a deletion.
CREATE TABLE receipts (
    recording TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- Why: the purpose that ended last, or the erasure.
    reason TEXT COLLATE "C" NOT NULL,
    -- When the file was unlinked and the rows were gone,
    out_of_reach_at TEXT COLLATE "C" NOT NULL,
    -- and when what they said was overwritten too; none until then.
    overwritten_at TEXT COLLATE "C",
    -- Exports outside the home, as a JSON list: no sweep reaches them.
    exports TEXT COLLATE "C" NOT NULL DEFAULT '[]'
);
CREATE INDEX receipts_open ON receipts (out_of_reach_at) WHERE overwritten_at IS NULL;

-- Backups of the catalog: what was deleted later is still in them.
CREATE TABLE backups (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    path TEXT COLLATE "C" NOT NULL,
    made_at TEXT COLLATE "C" NOT NULL
);

-- Who sweeps: a later holder has a larger token, and a write with a smaller one fails.
CREATE TABLE leases (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    token BIGINT NOT NULL,
    expires_at TEXT COLLATE "C" NOT NULL
);

-- The ledger. Whose it is: a home that was copied has more than one.
CREATE TABLE ledger_sites (
    site TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The key that its heads are signed with, as tools for signed notes take it.
    public_key TEXT COLLATE "C" NOT NULL,
    opened_at TEXT COLLATE "C" NOT NULL
);

-- A segment is a month (UTC) of one site.
CREATE TABLE ledger_segments (
    segment BIGINT NOT NULL PRIMARY KEY,
    site TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    -- What the next row goes on from: written in the transaction that writes a row.
    state TEXT COLLATE "C" NOT NULL,
    -- The key of its people's pseudonyms, in hexadecimal digits; none once it has expired.
    pseudonym_key TEXT COLLATE "C",
    -- How many rows it has and the root over them, once no more are written.
    rows BIGINT,
    root TEXT COLLATE "C",
    expired_at TEXT COLLATE "C",
    UNIQUE (site, month)
);

-- From 0 on in each segment. The text is as `docs/ledger.md` describes it; the next row names the hash.
CREATE TABLE ledger_rows (
    segment BIGINT NOT NULL REFERENCES ledger_segments (segment) ON DELETE CASCADE,
    row BIGINT NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (segment, row)
);

-- With what a free text was hashed before it was named in a row. They go with the recording that the text is about: then nobody can guess it.
CREATE TABLE ledger_salts (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    recording TEXT COLLATE "C" REFERENCES recordings (id) ON DELETE CASCADE,
    salt TEXT COLLATE "C" NOT NULL
);
CREATE INDEX ledger_salts_recording ON ledger_salts (recording);

-- The signed state at a day's end: one for each day of a site. They stay when segments expire.
CREATE TABLE ledger_heads (
    site TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    segment BIGINT NOT NULL,
    -- How many rows of the segment it covers.
    rows BIGINT NOT NULL,
    sealed_at TEXT COLLATE "C" NOT NULL,
    -- A signed note (C2SP).
    text TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (site, day)
);

-- Months whose seeds are promised. A second promise for one month is there to be found.
CREATE TABLE ledger_months (
    site TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    -- The hash of its first day's seed.
    commitment TEXT COLLATE "C" NOT NULL,
    -- The council's number, once it is in the ledger.
    number TEXT COLLATE "C",
    PRIMARY KEY (site, month, commitment)
);

-- Periods of the draw. A day can have several: with each change of N another one begins.
CREATE TABLE ledger_periods (
    site TEXT COLLATE "C" NOT NULL,
    period BIGINT NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    -- The first number that is drawn in it.
    first BIGINT NOT NULL,
    one_in BIGINT NOT NULL,
    -- When the seed of its day was published.
    published_at TEXT COLLATE "C",
    PRIMARY KEY (site, period)
);
CREATE INDEX ledger_periods_day ON ledger_periods (site, day, period);
CREATE INDEX ledger_periods_unpublished ON ledger_periods (site, day) WHERE published_at IS NULL;

-- The server's statistics would keep the most common of these, and some of the others, after their rows are gone.
ALTER TABLE recordings ALTER COLUMN customer SET STATISTICS 0;
ALTER TABLE recordings ALTER COLUMN customer_form SET STATISTICS 0;
ALTER TABLE recordings ALTER COLUMN marks SET STATISTICS 0;
ALTER TABLE requests ALTER COLUMN customer SET STATISTICS 0;
ALTER TABLE requests ALTER COLUMN customer_form SET STATISTICS 0;
ALTER TABLE notes ALTER COLUMN text SET STATISTICS 0;
ALTER TABLE replies ALTER COLUMN text SET STATISTICS 0;

-- What people show to the pages and the API: passwords, and hashes of secrets that these tables can't be made to give back.

-- A password, as argon2id leaves it (PHC string).
CREATE TABLE passwords (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
    hash TEXT COLLATE "C" NOT NULL,
    set_at TEXT COLLATE "C" NOT NULL
);

-- Who is logged in. What a browser holds is not here, only its SHA-256. A new password or other roles end them.
CREATE TABLE sessions (
    hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    began_at TEXT COLLATE "C" NOT NULL,
    -- To the minute: nobody's clicks are counted.
    seen_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX sessions_name ON sessions (name);
CREATE INDEX sessions_seen ON sessions (seen_at);

-- What programs show: each belongs to a person, and does no more than one role of theirs.
CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL,
    made_at TEXT COLLATE "C" NOT NULL
);
CREATE INDEX tokens_name ON tokens (name);
