UPDATE request_recordings SET state = 'confirmed' WHERE request = $1 AND recording = $2 AND state = 'candidate'
