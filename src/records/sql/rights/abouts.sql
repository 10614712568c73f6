SELECT about FROM purposes WHERE recording = $1 AND purpose = $2
