UPDATE notes SET text = '' WHERE id = $1
