SELECT id, kind, customer, agent, around, reason, received_on, entered_by, entered_at, extended_at, extension_reason, outcome, ground, answered_at
FROM requests WHERE ($1 IS NULL OR id = $1) AND (NOT $2 OR answered_at IS NULL) ORDER BY received_on, id
