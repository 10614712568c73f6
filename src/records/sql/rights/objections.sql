SELECT customer_hash FROM objections WHERE withdrawn_at IS NULL
