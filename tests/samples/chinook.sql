-- The tables of Chinook, with its names in capitals, its types and its keys; data of our own: each
-- column that may be NULL is so in some row, and some parents have no children.
CREATE TABLE "Artist" ("ArtistId" int PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "Album" ("AlbumId" int PRIMARY KEY, "Title" varchar(160) NOT NULL,
    "ArtistId" int NOT NULL REFERENCES "Artist");
CREATE TABLE "Employee" ("EmployeeId" int PRIMARY KEY, "LastName" varchar(20) NOT NULL,
    "FirstName" varchar(20) NOT NULL, "Title" varchar(30), "ReportsTo" int REFERENCES "Employee",
    "BirthDate" timestamp, "HireDate" timestamp, "Address" varchar(70), "City" varchar(40),
    "State" varchar(40), "Country" varchar(40), "PostalCode" varchar(10), "Phone" varchar(24),
    "Fax" varchar(24), "Email" varchar(60));
CREATE TABLE "Customer" ("CustomerId" int PRIMARY KEY, "FirstName" varchar(40) NOT NULL,
    "LastName" varchar(20) NOT NULL, "Company" varchar(80), "Address" varchar(70),
    "City" varchar(40), "State" varchar(40), "Country" varchar(40), "PostalCode" varchar(10),
    "Phone" varchar(24), "Fax" varchar(24), "Email" varchar(60) NOT NULL,
    "SupportRepId" int REFERENCES "Employee");
CREATE TABLE "Genre" ("GenreId" int PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "MediaType" ("MediaTypeId" int PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "Invoice" ("InvoiceId" int PRIMARY KEY, "CustomerId" int NOT NULL
    REFERENCES "Customer", "InvoiceDate" timestamp NOT NULL, "BillingAddress" varchar(70),
    "BillingCity" varchar(40), "BillingState" varchar(40), "BillingCountry" varchar(40),
    "BillingPostalCode" varchar(10), "Total" numeric(10, 2) NOT NULL);
CREATE TABLE "Track" ("TrackId" int PRIMARY KEY, "Name" varchar(200) NOT NULL,
    "AlbumId" int REFERENCES "Album", "MediaTypeId" int NOT NULL REFERENCES "MediaType",
    "GenreId" int REFERENCES "Genre", "Composer" varchar(220), "Milliseconds" int NOT NULL,
    "Bytes" int, "UnitPrice" numeric(10, 2) NOT NULL);
CREATE TABLE "InvoiceLine" ("InvoiceLineId" int PRIMARY KEY, "InvoiceId" int NOT NULL
    REFERENCES "Invoice", "TrackId" int NOT NULL REFERENCES "Track", "UnitPrice" numeric(10, 2)
    NOT NULL, "Quantity" int NOT NULL);
CREATE TABLE "Playlist" ("PlaylistId" int PRIMARY KEY, "Name" varchar(120));
CREATE TABLE "PlaylistTrack" ("PlaylistId" int REFERENCES "Playlist", "TrackId" int
    REFERENCES "Track", PRIMARY KEY ("PlaylistId", "TrackId"));

INSERT INTO "Artist" SELECT n, CASE WHEN n % 4 > 0 THEN 'Artist ' || n END
  FROM generate_series(1, 8) AS n;
INSERT INTO "Album" SELECT n, 'Album ' || n, 1 + n % 6 FROM generate_series(1, 12) AS n;
INSERT INTO "Employee" ("EmployeeId", "LastName", "FirstName", "Title", "ReportsTo", "HireDate")
SELECT n, 'Last ' || n, 'First', CASE WHEN n < 4 THEN 'Manager' END,
       CASE WHEN n > 1 THEN n / 2 END, CASE WHEN n % 2 > 0 THEN '2002-08-14'::timestamp END
  FROM generate_series(1, 6) AS n;
INSERT INTO "Customer" ("CustomerId", "FirstName", "LastName", "Company", "Country", "Email",
       "SupportRepId")
SELECT n, 'First ' || n, 'Last', CASE WHEN n % 2 > 0 THEN 'Company' END,
       CASE WHEN n % 3 > 0 THEN 'Country ' || n % 3 END, n || '@example.com',
       CASE WHEN n % 4 > 0 THEN 3 + n % 3 END FROM generate_series(1, 10) AS n;
INSERT INTO "Genre" SELECT n, CASE WHEN n < 4 THEN 'Genre ' || n END
  FROM generate_series(1, 5) AS n;
INSERT INTO "MediaType" VALUES (1, 'MPEG'), (2, NULL);
INSERT INTO "Invoice" ("InvoiceId", "CustomerId", "InvoiceDate", "BillingCountry", "Total")
SELECT n, 1 + n % 8, '2009-01-01'::timestamp + n * interval '40 days',
       CASE WHEN n % 3 > 0 THEN 'Country' END, n FROM generate_series(1, 15) AS n;
INSERT INTO "Track" SELECT n, 'Track ' || n, CASE WHEN n % 5 > 0 THEN 1 + n % 11 END, 1 + n % 2,
       CASE WHEN n % 6 > 0 THEN 1 + n % 4 END, CASE WHEN n % 3 > 0 THEN 'Composer' END, n * 1000,
       CASE WHEN n % 4 > 0 THEN n * 100000 END, 0.99 FROM generate_series(1, 40) AS n;
INSERT INTO "InvoiceLine" SELECT n, 1 + n % 14, 1 + n % 30, 0.99, 1 FROM generate_series(1, 50)
       AS n;
INSERT INTO "Playlist" SELECT n, CASE WHEN n % 2 > 0 THEN 'Music' END
  FROM generate_series(1, 4) AS n;
INSERT INTO "PlaylistTrack" SELECT 1 + n % 3, n FROM generate_series(1, 20) AS n;
