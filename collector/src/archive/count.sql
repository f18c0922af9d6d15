-- Counts the reports of an archive, in the same words in SQLite, DuckDB and Apache Spark: the relation `reports` is every
-- `task=*/epoch=*/bucket-*.parquet` of it, with `task` and `epoch` from the path.
--
-- A line of the result is (task, epoch, one, other, reports): how many reports answered (-1, -1), how many of these held the cell `one`
-- (one, -1), and for questions about overlaps how many held both (one, other).
WITH
digit (d) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7)),
bit (b) AS (SELECT 8 * high.d + low.d FROM digit AS high CROSS JOIN digit AS low),
-- An id counts once in a window, however often it is there; an id whose copies disagree counts for none.
agreed AS (
    SELECT
        min(task) AS task, min(epoch) AS epoch, min(paired) AS paired,
        min(word_0) AS word_0, min(word_1) AS word_1, min(word_2) AS word_2, min(word_3) AS word_3,
        min(word_4) AS word_4, min(word_5) AS word_5, min(word_6) AS word_6
    FROM reports
    GROUP BY window_number, id_high, id_low
    HAVING min(task) = max(task) AND min(epoch) = max(epoch)
        AND min(word_0) = max(word_0) AND min(word_1) = max(word_1) AND min(word_2) = max(word_2)
        AND min(word_3) = max(word_3) AND min(word_4) = max(word_4) AND min(word_5) = max(word_5)
        AND min(word_6) = max(word_6)
),
-- A line for each word; most are empty.
spread AS (
    SELECT a.task, a.epoch, a.paired, a.word_0, n.d AS place, CASE n.d
        WHEN 0 THEN a.word_0 WHEN 1 THEN a.word_1 WHEN 2 THEN a.word_2 WHEN 3 THEN a.word_3
        WHEN 4 THEN a.word_4 WHEN 5 THEN a.word_5 WHEN 6 THEN a.word_6 ELSE 0 END AS word
    FROM agreed AS a CROSS JOIN digit AS n
),
-- A line for each cell that is held; the lowest bit of word_0 is cell 0.
held AS (
    SELECT s.task, s.epoch, s.paired, s.word_0, 64 * s.place + bit.b AS cell
    FROM spread AS s CROSS JOIN bit
    WHERE s.word <> 0 AND ((s.word >> bit.b) & 1) = 1
)
SELECT task, epoch, -1 AS one, -1 AS other, count(*) AS reports
FROM agreed GROUP BY task, epoch
UNION ALL
SELECT task, epoch, cell, -1, count(*)
FROM held GROUP BY task, epoch, cell
UNION ALL
-- The cells that are counted in twos are the first `paired`, at most 64.
SELECT h.task, h.epoch, h.cell, bit.b, count(*)
FROM held AS h CROSS JOIN bit
WHERE h.cell < bit.b AND bit.b < h.paired AND ((h.word_0 >> bit.b) & 1) = 1
GROUP BY h.task, h.epoch, h.cell, bit.b
ORDER BY task, epoch, one, other
