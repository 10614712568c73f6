UPDATE cases SET closed_by = $2, closed_at = $3, outcome = $4, judged_on = $5 WHERE id = $1 AND closed_at IS NULL
