DELETE FROM passwords WHERE name = $1
