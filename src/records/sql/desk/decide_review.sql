UPDATE reviews SET outcome = $2, skip_reason = $3, decided_at = $4 WHERE id = $1 AND outcome IS NULL
