SELECT by_whom, kind, why, at FROM uses WHERE recording = $1 ORDER BY at, id
