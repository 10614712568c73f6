SELECT users.name, agent, made_at, role FROM users LEFT JOIN user_roles ON user_roles.name = users.name
WHERE removed_at IS NULL AND ($1 IS NULL OR users.name = $1) ORDER BY users.name, role
