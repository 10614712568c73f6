DELETE FROM tokens WHERE name = $1
