INSERT INTO reviews (id, recording, reviewer, opened_at, in_order, outcome, skip_reason, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
