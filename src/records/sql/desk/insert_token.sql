INSERT INTO tokens (id, hash, name, role, made_at) VALUES ($1, $2, $3, $4, $5)
