INSERT INTO holds (id, recording, reason, owner, until_event, review_on, set_by, set_at)
SELECT $1, id, $3, $4, $5, $6, $7, $8 FROM recordings WHERE id = $2 AND life IN ('kept', 'restricted')
