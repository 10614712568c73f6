SELECT recording FROM request_recordings WHERE request = $1
