SELECT kind, to_whom, at FROM uses WHERE recording = $1 AND kind IN ('export', 'disclose') ORDER BY at, id
