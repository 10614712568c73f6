SELECT name FROM trainees WHERE recording = $1 ORDER BY name
