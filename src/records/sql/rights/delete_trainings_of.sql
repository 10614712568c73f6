DELETE FROM trainees WHERE name = $1
