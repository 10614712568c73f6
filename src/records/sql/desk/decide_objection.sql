UPDATE replies SET decision = $2, decided_by = $3, decided_at = $4
WHERE note = $1 AND kind = 'objection' AND decided_at IS NULL
