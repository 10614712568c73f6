SELECT * FROM recordings WHERE id = $12
