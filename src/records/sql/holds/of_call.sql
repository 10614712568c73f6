SELECT id, life, began_at, ends_at FROM recordings WHERE call = $1
