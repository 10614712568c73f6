INSERT INTO users (name, agent, made_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET agent = excluded.agent, made_at = excluded.made_at, removed_at = NULL
WHERE users.removed_at IS NOT NULL
