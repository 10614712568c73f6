UPDATE recordings SET marks = $2 WHERE id = $1
