UPDATE policies SET text = $2 WHERE version = $1
