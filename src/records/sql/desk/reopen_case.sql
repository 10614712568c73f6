UPDATE cases SET closed_by = NULL, closed_at = NULL, outcome = NULL, judged_on = NULL, needed_at = $2
WHERE id = $1 AND closed_at IS NOT NULL
