-- What an application over Chinook asks: its tables as they are, and its well-known reports.

-- query: artists :many
SELECT * FROM "Artist" ORDER BY "Name" NULLS FIRST;

-- query: albums :many
-- @param artist_id int?
SELECT * FROM "Album" WHERE :artist_id IS NULL OR "ArtistId" = :artist_id;

-- query: albums_of_artists :many
SELECT a."Name" AS artist, b."Title" AS title, b."AlbumId" AS album_id
  FROM "Artist" AS a LEFT JOIN "Album" AS b USING ("ArtistId");

-- query: album :maybe
-- @param album_id int
SELECT b.*, a."Name" FROM "Album" AS b JOIN "Artist" AS a USING ("ArtistId")
 WHERE b."AlbumId" = :album_id;

-- query: tracks :many
-- @param name text?
-- @param longest int = 100000
SELECT t.*, g."Name" AS genre, m."Name" AS medium, b."Title" AS album,
       round(t."Milliseconds" / 60000.0, 2) AS minutes, t."Bytes" / 1024 AS kilobytes
  FROM "Track" AS t JOIN "MediaType" AS m USING ("MediaTypeId")
  LEFT JOIN "Genre" AS g USING ("GenreId") LEFT JOIN "Album" AS b ON b."AlbumId" = t."AlbumId"
 WHERE t."Milliseconds" <= :longest AND (:name IS NULL OR t."Name" ILIKE :name);

-- query: tracks_never_sold :many
SELECT t."TrackId", t."Name", l."InvoiceLineId" FROM "Track" AS t
  LEFT JOIN "InvoiceLine" AS l USING ("TrackId") WHERE l."TrackId" IS NULL;

-- query: tracks_sold :many
SELECT t."TrackId", t."Composer", l."InvoiceLineId", l."Quantity" FROM "Track" AS t
  LEFT JOIN "InvoiceLine" AS l USING ("TrackId") WHERE l."Quantity" > 0;

-- query: customers :many
-- @param country text?
SELECT * FROM "Customer" WHERE "Country" IS NOT DISTINCT FROM :country OR :country IS NULL;

-- query: customers_of_country :many
-- @param country text
SELECT "CustomerId", "Country", "City", "Email" FROM "Customer" WHERE "Country" = :country;

-- query: support :many
SELECT e."EmployeeId", e."LastName", m."LastName" AS manager, count(c."CustomerId") AS customers,
       array_agg(c."Email") AS emails, max(c."Email") AS one
  FROM "Employee" AS e LEFT JOIN "Employee" AS m ON m."EmployeeId" = e."ReportsTo"
  LEFT JOIN "Customer" AS c ON c."SupportRepId" = e."EmployeeId"
 GROUP BY e."EmployeeId", m."LastName";

-- query: employees :many
SELECT * FROM "Employee";

-- query: chain_of_command :many
-- @param employee_id int
WITH RECURSIVE above AS (SELECT "EmployeeId", "ReportsTo", 0 AS step FROM "Employee"
     WHERE "EmployeeId" = :employee_id UNION ALL
    SELECT e."EmployeeId", e."ReportsTo", a.step + 1 FROM above AS a JOIN "Employee" AS e
        ON e."EmployeeId" = a."ReportsTo")
SELECT * FROM above ORDER BY step;

-- query: invoices :many
-- @param customer_id int?
-- @param since timestamp?
SELECT i.*, c."Email", e."LastName" AS agent FROM "Invoice" AS i
  JOIN "Customer" AS c USING ("CustomerId")
  LEFT JOIN "Employee" AS e ON e."EmployeeId" = c."SupportRepId"
 WHERE (:customer_id IS NULL OR c."CustomerId" = :customer_id)
   AND (:since IS NULL OR i."InvoiceDate" >= :since);

-- query: invoice :one
-- @param invoice_id int
SELECT i."InvoiceId", i."Total", sum(l."UnitPrice" * l."Quantity") AS lines_total,
       count(l."InvoiceLineId") AS lines,
       json_agg(json_build_object('track', l."TrackId", 'quantity', l."Quantity")) AS line
  FROM "Invoice" AS i LEFT JOIN "InvoiceLine" AS l USING ("InvoiceId")
 WHERE i."InvoiceId" = :invoice_id GROUP BY i."InvoiceId";

-- query: sales_by_year :many
SELECT extract(year FROM "InvoiceDate") AS year, sum("Total") AS total,
       sum("Total") - lag(sum("Total")) OVER (ORDER BY extract(year FROM "InvoiceDate")) AS more,
       rank() OVER (ORDER BY sum("Total") DESC) AS place
  FROM "Invoice" GROUP BY 1;

-- query: sales_by_country :many
SELECT "BillingCountry", count(*) AS invoices, sum("Total") AS total FROM "Invoice"
 GROUP BY ROLLUP ("BillingCountry");

-- query: sales_by_agent :many
SELECT e."FirstName" || ' ' || e."LastName" AS agent, s.total, s.invoices
  FROM "Employee" AS e LEFT JOIN LATERAL (SELECT sum(i."Total") AS total, count(*) AS invoices
    FROM "Invoice" AS i JOIN "Customer" AS c USING ("CustomerId")
   WHERE c."SupportRepId" = e."EmployeeId") AS s ON true;

-- query: genres :many
SELECT g."GenreId", coalesce(g."Name", 'none') AS name, t.tracks, t.longest
  FROM "Genre" AS g FULL JOIN (SELECT "GenreId", count(*) AS tracks, max("Milliseconds") AS longest
    FROM "Track" GROUP BY "GenreId") AS t USING ("GenreId");

-- query: playlists :many
SELECT p."PlaylistId", p."Name", t."TrackId" FROM "Playlist" AS p
  LEFT JOIN ("PlaylistTrack" AS pt JOIN "Track" AS t USING ("TrackId")) USING ("PlaylistId");

-- query: best_track_of_genre :many
SELECT DISTINCT ON (g."GenreId") g."GenreId", g."Name" AS genre, t."Name" AS track,
       count(*) OVER w AS tracks, first_value(t."Composer") OVER w AS composer
  FROM "Genre" AS g JOIN "Track" AS t USING ("GenreId")
WINDOW w AS (PARTITION BY g."GenreId" ORDER BY t."Milliseconds" DESC) ORDER BY 1;

-- query: names :many
SELECT "Name" FROM "Genre" INTERSECT SELECT 'Genre ' || n FROM generate_series(1, 9) AS n;

-- query: other_names :many
SELECT "Name", 'artist' AS kind FROM "Artist" EXCEPT SELECT "Name", 'artist' FROM "Genre";

-- command: add_artist :one
-- @param id int
-- @param name text?
INSERT INTO "Artist" VALUES (:id, :name)
    ON CONFLICT ("ArtistId") DO UPDATE SET "Name" = excluded."Name" RETURNING *;

-- command: add_album :many
-- @param id int
-- @param artist_id int
-- @param title text = new
INSERT INTO "Album" VALUES (:id, :title, :artist_id) ON CONFLICT DO NOTHING
RETURNING "AlbumId", "Title";

-- command: remove_lines :many
-- @param invoice_id int
DELETE FROM "InvoiceLine" AS l USING "Track" AS t LEFT JOIN "Genre" AS g USING ("GenreId")
 WHERE t."TrackId" = l."TrackId" AND l."InvoiceId" = :invoice_id
RETURNING l."InvoiceLineId", t."Name", t."Composer", g."Name" AS genre;
