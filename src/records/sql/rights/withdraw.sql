UPDATE objections SET withdrawn_at = $2 WHERE customer_hash = $1 AND withdrawn_at IS NULL
