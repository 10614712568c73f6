DELETE FROM purposes WHERE recording = $1 AND purpose = 'request' AND about = $2
