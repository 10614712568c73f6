SELECT name FROM tokens WHERE id = $1
