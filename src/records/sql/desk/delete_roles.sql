DELETE FROM user_roles WHERE name = $1
