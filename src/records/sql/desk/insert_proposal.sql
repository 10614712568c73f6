INSERT INTO proposals (id, recording, purpose, reason, basis, review_on, proposed_by, proposed_through, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
