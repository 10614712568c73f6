SELECT seconds, first_seconds, rate, marks, state, path FROM recordings WHERE id = $1
