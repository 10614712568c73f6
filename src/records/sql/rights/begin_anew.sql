DELETE FROM anchors
WHERE recording = $1 AND purpose = 'request' AND about = $2
      AND place < (SELECT MAX(place) FROM anchors AS received
                   WHERE received.recording = $1 AND received.purpose = 'request' AND received.about = $2 AND received.anchor = 'request-received')
