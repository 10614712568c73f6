-- What people list is found without a pass over all that ever was: an agent's own calls, cases, requests, presses without a case, what waits for a
-- decision.
CREATE INDEX calls_agent ON calls (agent, began_at);
CREATE INDEX recordings_of_agent ON recordings (agent, began_at, id) WHERE life <> 'gone';
CREATE INDEX recordings_ended ON recordings (ends_at, id) WHERE life = 'kept';
CREATE INDEX participants_later ON participants (agent, recording) WHERE from_seconds > 0;
CREATE INDEX cases_opened ON cases (opened_at, id) WHERE closed_at IS NULL;
CREATE INDEX cases_closed ON cases (closed_at, id) WHERE closed_at IS NOT NULL;
CREATE INDEX requests_answered ON requests (answered_at, id) WHERE answered_at IS NOT NULL;
CREATE INDEX proposals_open ON proposals (proposed_at, id) WHERE approved_at IS NULL AND refused_at IS NULL;
