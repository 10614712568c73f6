SELECT 1 FROM request_recordings JOIN requests ON requests.id = request_recordings.request
WHERE recording = $1 AND answered_at IS NULL AND request_recordings.state <> 'excluded'
