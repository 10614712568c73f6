SELECT 1 FROM trainees WHERE recording = $1 AND name = $2
