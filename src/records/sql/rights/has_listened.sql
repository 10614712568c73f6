SELECT 1 FROM uses WHERE recording = $1 AND by_whom = $2 AND kind = 'play'
