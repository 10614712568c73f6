SELECT COUNT(*) FROM request_recordings WHERE request = $1 AND recording = $2
