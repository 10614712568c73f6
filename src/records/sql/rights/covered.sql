SELECT covered.recording, covered.state, covered.identity_check, recordings.call, recordings.began_at, recordings.seconds,
       recordings.direction, recordings.life, recordings.erased_at,
       EXISTS (SELECT 1 FROM holds WHERE holds.recording = recordings.id AND released_at IS NULL) AS held,
       EXISTS (SELECT 1 FROM request_recordings AS other JOIN requests ON requests.id = other.request
               WHERE other.recording = recordings.id AND other.request <> covered.request AND requests.kind = 'access'
                     AND requests.answered_at IS NULL AND other.state <> 'excluded') AS asked_for
FROM request_recordings AS covered JOIN recordings ON recordings.id = covered.recording
WHERE covered.request = $1 ORDER BY recordings.began_at, recordings.id
