INSERT INTO user_roles (name, role) VALUES ($1, $2)
