SELECT id FROM cases JOIN case_recordings ON case_recordings.case_id = cases.id WHERE recording = $1 AND closed_at IS NULL
