SELECT recording, released_at FROM holds WHERE id = $1
