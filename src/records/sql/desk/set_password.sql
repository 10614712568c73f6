INSERT INTO passwords (name, hash, set_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at
