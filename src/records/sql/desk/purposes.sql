SELECT DISTINCT purpose FROM purposes WHERE recording = $1 ORDER BY purpose
