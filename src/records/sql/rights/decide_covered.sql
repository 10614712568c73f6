UPDATE request_recordings SET state = $3, identity_check = COALESCE($4, identity_check), decided_by = $5, decided_at = $6
WHERE request = $1 AND recording = $2
