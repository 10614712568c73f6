-- A catalog as retrocall 0.1 wrote it at version 5, with rows of every kind: what the next version is brought up from.
-- 0001_calls_and_recordings.sql
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
-- 0002_skipped_numbers.sql
-- Numbers of a period that no call has, or whose calls have no row: reserved by an engine that was killed, or lost with an older catalog.
CREATE TABLE skipped_numbers (
    day TEXT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    found_at TEXT NOT NULL,
    PRIMARY KEY (day, first)
);
-- 0003_calls_that_go_on.sql
-- A call that was cut off, by a lost connection or because the engine went, may go on as another one, which names it.
ALTER TABLE calls ADD COLUMN continues TEXT;
ALTER TABLE recordings ADD COLUMN continues TEXT;

-- Whether the call was cut off: nobody hung up.
ALTER TABLE calls ADD COLUMN cut_off BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE calls SET cut_off = TRUE WHERE outcome = 'lost' OR (outcome = 'kept' AND ended_at IS NULL);

-- The start of the engine asks which calls may go on: few, and only recent ones.
CREATE INDEX calls_cut_off ON calls (began_at) WHERE cut_off;
CREATE INDEX calls_continues ON calls (continues) WHERE continues IS NOT NULL;
-- 0004_participants_and_parts.sql
-- Who talked for the desk in a recording, from when to when in its call. The recording's own `agent` is the first of them.
CREATE TABLE participants (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    from_seconds DOUBLE PRECISION NOT NULL,
    to_seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recording, from_seconds)
);

CREATE INDEX participants_agent ON participants (agent);

INSERT INTO participants SELECT id, agent, 0, first_seconds + seconds FROM recordings WHERE seconds IS NOT NULL;

-- The files of a recording, in their order: more than one if it is longer than a WAV file can be. The recording's own `path` is that of the
-- first, its `bytes` and `seconds` are those of all.
CREATE TABLE parts (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- From 1.
    part BIGINT NOT NULL,
    path TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (recording, part)
);

INSERT INTO parts SELECT id, 1, path, bytes, seconds FROM recordings WHERE bytes IS NOT NULL AND seconds IS NOT NULL;
-- 0005_numbers_in_one_form.sql
-- A customer's number in its one form (E.164), beside the number as it was given; none where that is no phone number. The rule says how the form
-- was made: the engine makes it again of the number as it was given wherever that was by another rule than its own.
ALTER TABLE recordings ADD COLUMN customer_form TEXT;
ALTER TABLE recordings ADD COLUMN customer_rule TEXT NOT NULL DEFAULT '';

CREATE INDEX recordings_customer ON recordings (customer) WHERE customer IS NOT NULL;
CREATE INDEX recordings_customer_form ON recordings (customer_form) WHERE customer_form IS NOT NULL;
CREATE INDEX recordings_customer_rule ON recordings (customer_rule) WHERE customer IS NOT NULL;

CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES (1, 'calls and recordings', '2026-11-01 08:00:00', TRUE, x'3a5de0ce68f84d095034173f3e838d5a2471700a4f03c15f0589fa9bab60e58a6712a0f8156cf4e59d8d622343e94d14', 1000);
INSERT INTO _sqlx_migrations VALUES (2, 'skipped numbers', '2026-11-01 08:00:00', TRUE, x'c4822b80f55702621ea35e368e37fa6ca0be8dbb99348340097be79fe48d6888b99ba96874881daa7d09586930ad66af', 1000);
INSERT INTO _sqlx_migrations VALUES (3, 'calls that go on', '2026-11-01 08:00:00', TRUE, x'ec7be076d2cee756bcdcec2d98bd6e4cb2b48e1bc791b4d3a2f4fd314c1b61ee9bd4919b0de56b7e1fc7276eb4f7441e', 1000);
INSERT INTO _sqlx_migrations VALUES (4, 'participants and parts', '2026-11-01 08:00:00', TRUE, x'6dc8a905858b8d00df6324dabc2926b71c5b38166254f5d700c0da0f337445242f37ed9c02292fa3b990589b75dbb035', 1000);
INSERT INTO _sqlx_migrations VALUES (5, 'numbers in one form', '2026-11-01 08:00:00', TRUE, x'6c7004775734f601d49c7a7fe5b3e28e0c06b49d04b9b500711e6b84cfd8be3a983ad053576adbfae23ecec1b68a84da', 1000);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000001', '2026-11-24', 1, 'anna', 'inbound', '2026-11-24T09:00:00.123456Z', '2026-11-24T09:01:30.623456Z', 90.5, 'kept', 'on-demand,sample', FALSE, FALSE, 3, 0.25, 2, 1, NULL, FALSE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000002', '2026-11-24', 2, 'anna', 'inbound', '2026-11-24T09:00:00.123456Z', '2026-11-24T09:01:30.623456Z', 90.5, 'discarded', '', TRUE, FALSE, 3, 0.25, 2, 1, NULL, FALSE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000003', '2026-11-24', 3, 'anna', 'outbound', '2026-11-24T09:00:00.123456Z', '2026-11-24T09:01:30.623456Z', 90.5, 'discarded', '', FALSE, TRUE, 3, 0.25, 2, 1, NULL, FALSE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000004', '2026-11-24', 4, 'anna', 'inbound', '2026-11-24T09:00:00.123456Z', NULL, NULL, 'lost', '', FALSE, FALSE, 3, 0.25, 2, 1, NULL, TRUE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000005', '2026-11-24', 5, 'bert', 'inbound', '2026-11-24T09:00:00.123456Z', '2026-11-24T09:01:30.623456Z', 90.5, 'kept', 'sample', FALSE, FALSE, 3, 0.25, 2, 1, NULL, TRUE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000006', '2026-11-24', 6, 'bert', 'inbound', '2026-11-24T09:00:00.123456Z', '2026-11-24T09:01:30.623456Z', 90.5, 'kept', 'on-demand', FALSE, FALSE, 3, 0.25, 2, 1, '01930000-0000-7000-8000-000000000005', FALSE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000007', '2026-11-24', 7, 'anna', 'inbound', '2026-11-24T09:00:00.123456Z', NULL, NULL, 'live', '', FALSE, FALSE, 3, 0.25, 2, 1, NULL, FALSE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000008', '2026-11-24', 8, 'carla', 'inbound', '2026-11-24T09:00:00.123456Z', NULL, NULL, 'live', '', FALSE, FALSE, 3, 0.25, 2, 1, NULL, FALSE);
INSERT INTO calls (call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps, gap_seconds, late_frames, lost_frames, continues, cut_off) VALUES ('01930000-0000-7000-8000-000000000009', '2026-11-24', NULL, 'anna', 'inbound', '2026-11-24T09:00:00.123456Z', NULL, 90.5, 'kept', 'on-demand', FALSE, FALSE, 3, 0.25, 2, 1, NULL, FALSE);
INSERT INTO skipped_numbers VALUES ('2026-11-24', 9, 64, '2026-11-25T07:00:00.000000Z');
INSERT INTO recordings (id, call, agent, customer, direction, began_at, seconds, first_seconds, rate, path, bytes, reasons, marks, state, committed_at, continues, customer_form, customer_rule) VALUES ('01930000-0000-7000-8000-000000000101', '01930000-0000-7000-8000-000000000001', 'anna', '0201234567', 'inbound', '2026-11-24T09:00:00.123456Z', 90.5, 0, 8000, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000001.wav', 2896044, 'on-demand,sample', '{"record":[[12.5,"anna"]],"dtmf":[[13.0,"5"]],"gaps":[],"masks":[],"lost":[],"left_out":0}', 'complete', '2026-11-24T09:01:31.000000Z', NULL, '+31201234567', '1 NL');
INSERT INTO recordings (id, call, agent, customer, direction, began_at, seconds, first_seconds, rate, path, bytes, reasons, marks, state, committed_at, continues, customer_form, customer_rule) VALUES ('01930000-0000-7000-8000-000000000105', '01930000-0000-7000-8000-000000000005', 'bert', NULL, 'inbound', '2026-11-24T09:00:00.123456Z', 90.5, 0, 8000, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000005.wav', 2896044, 'sample', '{}', 'incomplete', '2026-11-24T09:01:31.000000Z', NULL, NULL, '1 NL');
INSERT INTO recordings (id, call, agent, customer, direction, began_at, seconds, first_seconds, rate, path, bytes, reasons, marks, state, committed_at, continues, customer_form, customer_rule) VALUES ('01930000-0000-7000-8000-000000000106', '01930000-0000-7000-8000-000000000006', 'bert', NULL, 'inbound', '2026-11-24T09:00:00.123456Z', 90.5, 0, 8000, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000006.wav', 2896044, 'on-demand', '{}', 'complete', '2026-11-24T09:01:31.000000Z', '01930000-0000-7000-8000-000000000005', NULL, '1 NL');
INSERT INTO recordings (id, call, agent, customer, direction, began_at, seconds, first_seconds, rate, path, bytes, reasons, marks, state, committed_at, continues, customer_form, customer_rule) VALUES ('01930000-0000-7000-8000-000000000108', '01930000-0000-7000-8000-000000000008', 'carla', '0201234567', 'inbound', '2026-11-24T09:00:00.123456Z', NULL, 0, 8000, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000008.wav', NULL, 'on-demand', '{}', 'committing', NULL, NULL, '+31201234567', '1 NL');
INSERT INTO recordings (id, call, agent, customer, direction, began_at, seconds, first_seconds, rate, path, bytes, reasons, marks, state, committed_at, continues, customer_form, customer_rule) VALUES ('01930000-0000-7000-8000-000000000109', '01930000-0000-7000-8000-000000000009', 'anna', NULL, 'inbound', '2026-11-24T09:00:00.123456Z', 90.5, 0, 8000, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000009.wav', 2896044, 'on-demand', '{}', 'complete', '2026-11-24T09:01:31.000000Z', NULL, NULL, '1 NL');
INSERT INTO purposes VALUES ('01930000-0000-7000-8000-000000000101', 'incident', 'performance of the contract', '2026-12-01T09:01:30.623456Z');
INSERT INTO purposes VALUES ('01930000-0000-7000-8000-000000000101', 'quality', 'legitimate interest', '2026-12-08T09:01:30.623456Z');
INSERT INTO purposes VALUES ('01930000-0000-7000-8000-000000000105', 'quality', 'legitimate interest', '2026-12-08T09:01:30.623456Z');
INSERT INTO purposes VALUES ('01930000-0000-7000-8000-000000000106', 'incident', 'performance of the contract', '2026-12-01T09:01:30.623456Z');
INSERT INTO purposes VALUES ('01930000-0000-7000-8000-000000000109', 'incident', 'performance of the contract', NULL);
INSERT INTO participants VALUES ('01930000-0000-7000-8000-000000000101', 'anna', 0, 30);
INSERT INTO participants VALUES ('01930000-0000-7000-8000-000000000101', 'bert', 30, 90.5);
INSERT INTO participants VALUES ('01930000-0000-7000-8000-000000000105', 'bert', 0, 90.5);
INSERT INTO participants VALUES ('01930000-0000-7000-8000-000000000106', 'bert', 0, 90.5);
INSERT INTO participants VALUES ('01930000-0000-7000-8000-000000000109', 'anna', 0, 90.5);
INSERT INTO parts VALUES ('01930000-0000-7000-8000-000000000101', 1, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000001.wav', 2896044, 90.5);
INSERT INTO parts VALUES ('01930000-0000-7000-8000-000000000105', 1, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000005.wav', 2896044, 90.5);
INSERT INTO parts VALUES ('01930000-0000-7000-8000-000000000109', 1, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000009.wav', 2896044, 90.5);
INSERT INTO parts VALUES ('01930000-0000-7000-8000-000000000106', 1, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000006.wav', 2000044, 62.5);
INSERT INTO parts VALUES ('01930000-0000-7000-8000-000000000106', 2, 'recordings/2026/11/24/01930000-0000-7000-8000-000000000006-2.wav', 896000, 28);
