UPDATE cases SET needed_at = $2 WHERE id = $1 AND closed_at IS NULL
