UPDATE request_recordings SET state = 'excluded', decided_by = $3, decided_at = $4
WHERE request = $1 AND recording = $2 AND state <> 'excluded'
