DELETE FROM sessions WHERE name = $1
