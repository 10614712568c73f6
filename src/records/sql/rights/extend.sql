UPDATE requests SET extended_at = $2, extension_reason = $3 WHERE id = $1 AND extended_at IS NULL AND answered_at IS NULL
