SELECT agent, COUNT(*) AS calls,
       CAST(SUM(CASE WHEN private OR objected THEN 1 ELSE 0 END) AS BIGINT) AS marked,
       CAST(SUM(CASE WHEN reasons LIKE '%on-demand%' THEN 1 ELSE 0 END) AS BIGINT) AS pressed
FROM calls WHERE day >= $1 AND day <= $2 GROUP BY agent ORDER BY agent
