SELECT agent FROM recordings WHERE id = $1
