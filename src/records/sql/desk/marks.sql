SELECT marks FROM recordings WHERE id = $1
