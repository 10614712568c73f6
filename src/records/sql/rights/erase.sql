UPDATE recordings SET erased_at = $2 WHERE id = $1 AND erased_at IS NULL AND life IN ('kept', 'restricted')
