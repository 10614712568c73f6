-- Whose yes a proposal has: of an evaluation each agent who pressed says it by themselves.
CREATE TABLE agreements (
    proposal TEXT NOT NULL REFERENCES proposals (id) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    -- In which account: whoever says yes does not decide as well.
    account TEXT NOT NULL,
    agreed_at TEXT NOT NULL,
    PRIMARY KEY (proposal, agent)
);
INSERT INTO agreements (proposal, agent, account, agreed_at)
SELECT id, COALESCE((SELECT users.agent FROM users WHERE users.name = proposals.agreed_by), agreed_by), agreed_by, agreed_at
FROM proposals WHERE agreed_by IS NOT NULL AND agreed_at IS NOT NULL;
ALTER TABLE proposals DROP COLUMN agreed_by;
ALTER TABLE proposals DROP COLUMN agreed_at;
