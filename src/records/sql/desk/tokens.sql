SELECT id, name, role, made_at FROM tokens WHERE $1 IS NULL OR name = $1 ORDER BY name, made_at, id
