INSERT INTO objections (customer_hash, objected_at) VALUES ($1, $2)
ON CONFLICT (customer_hash) DO UPDATE SET objected_at = excluded.objected_at, withdrawn_at = NULL WHERE objections.withdrawn_at IS NOT NULL
