-- Tables of the kinds that the sample databases Northwind, Chinook and Pagila have, and of those
-- that they lack. Made up; the rows are made from their numbers. The schema twin has them empty.
CREATE SCHEMA trip;
CREATE SCHEMA twin;
CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;
SET search_path = trip, public;

CREATE TYPE rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN release_year AS int CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE DOMAIN attributes AS jsonb CHECK (jsonb_typeof(VALUE) = 'object');
CREATE DOMAIN big_id AS bigint;
CREATE DOMAIN words AS text[];
CREATE TYPE geo AS (at point, height numeric(8, 3));
CREATE TYPE postal AS ("Street" text, house_no smallint, code bpchar(6), where_it_is geo,
    since release_year, seen timestamptz[], extra attributes);
CREATE DOMAIN home AS postal CHECK ((VALUE)."Street" <> '-');

-- Trade: small numbers, fixed and limited texts, real prices, pictures.
CREATE TABLE customers (customer_id bpchar(5), company_name varchar(40), region varchar(15),
    fax varchar(24));
CREATE TABLE employees (employee_id smallint, last_name varchar(20), birth_date date, photo bytea,
    notes text, reports_to smallint);
CREATE TABLE products (product_id smallint, product_name varchar(40), unit_price real,
    discount double precision, units smallint, discontinued int);
CREATE TABLE orders (order_id smallint, customer_id bpchar(5), order_date date, freight real);

-- Music: identities, exact prices, moments without zone.
CREATE TABLE tracks (track_id int, name varchar(200), composer varchar(220), milliseconds int,
    bytes int, unit_price numeric(10, 2));
CREATE TABLE invoices (invoice_id int, invoice_date timestamp, billing_address varchar(70),
    total numeric(10, 2));
CREATE TABLE "Play List" ("Id" int, "Name of it" text);

-- Films: domains, an enum, arrays, full text, moments with zone, partitions.
CREATE TABLE films (film_id int, title text, description text, year release_year,
    rental_rate numeric(4, 2), length smallint, rating rating, last_update timestamptz,
    special_features text[], fulltext tsvector, revenue numeric);
CREATE TABLE payments (payment_id int, amount numeric(5, 2), payment_date timestamptz)
    PARTITION BY RANGE (payment_date);
CREATE TABLE payments_1 PARTITION OF payments
    FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2026-02-01 00:00Z');
CREATE TABLE payments_2 PARTITION OF payments DEFAULT;
CREATE TABLE staff (staff_id int, active boolean, picture bytea, email text);

-- And what they do not have.
CREATE TABLE places (id big_id, home home, others postal[], geos geo[], film films,
    years release_year[], grid words[], ids big_id[], matrix int[]);
CREATE TABLE labels (id int, labels hstore, history hstore[]);
CREATE TABLE kinds (id int, j json, jb jsonb, docs attributes, a attributes[], u uuid, i interval,
    t time, tz timetz, n inet, c cidr, m macaddr, money money, b bit(5), vb varbit, p int4range,
    mp nummultirange, e8 float8, e4 float4, big numeric, lsn pg_lsn, x xml, q tsquery, box box[],
    ds daterange[], ts timestamp[], bs bytea[], bl boolean[]);

INSERT INTO customers SELECT upper(substr(md5(n::text), 1, 5)), 'Company "' || n || '", \ Ltd. é',
    CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE '  west ' END, nullif('030-' || n, '030-7')
    FROM generate_series(1, 12) AS n;
INSERT INTO employees SELECT n, 'O''Neil ' || n, date '1948-12-08' + n * 97,
    CASE WHEN n % 4 <> 0 THEN decode(md5(n::text), 'hex') END, repeat(E'line\n\t', n),
    nullif(n % 5, 0) FROM generate_series(1, 12) AS n;
INSERT INTO products SELECT n, 'Product ' || n, (n * 1.37)::real / 3, random() * n, n % 7, n % 2
    FROM generate_series(1, 12) AS n;
INSERT INTO orders SELECT n, 'ABCDE', date '1996-07-04' + n, n / 7.0::real
    FROM generate_series(1, 12) AS n;
INSERT INTO tracks SELECT n, 'Track (' || n || ')', nullif('{"x"}', '{"' || n || '"}'), n * 1000,
    n * 123457, n * 0.99 FROM generate_series(1, 12) AS n;
INSERT INTO invoices SELECT n, timestamp '2021-01-01 00:00:00.123456' + n * interval '31:07',
    'Street, ' || n, n * 1.98 FROM generate_series(1, 12) AS n;
INSERT INTO "Play List" SELECT n, 'It''s "' || n || '"' FROM generate_series(1, 20) AS n;
INSERT INTO films SELECT n, 'FILM ' || n, NULL, 1900 + n * 5, n * 0.11, n * 3,
    (enum_range(NULL::rating))[1 + n % 5], timestamptz '2026-02-15 09:45:30.5+02' + n * interval '7 h',
    CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY['Trailers', 'a,"b"', 'NULL', NULL] END,
    to_tsvector('english', 'a fateful tale of ' || n || ' robots'' "dogs"'),
    n * 12345678901234567890.12345678901234567890 FROM generate_series(1, 12) AS n;
INSERT INTO payments SELECT n, n * 1.01, timestamptz '2026-01-31 00:00Z' + n * interval '5 h 0.001 s'
    FROM generate_series(1, 12) AS n;
INSERT INTO staff SELECT n, n % 2 = 0, NULL, n || '@example.com' FROM generate_series(1, 5) AS n;
INSERT INTO places SELECT n + 9007199254740992,
    ROW('"' || n || '" (\), é', n, 'AB', ROW(point(n / 3.0, -n), n * 1.5), 1999,
        ARRAY[timestamptz '2026-01-01 00:00Z', NULL], '{"n": 1234567890123456.7800, "e": "\u00e9"}')::postal::home,
    CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}'
        ELSE ARRAY[ROW('', NULL, '', NULL, NULL, '{}', NULL)::postal, NULL] END,
    ARRAY[[ROW(point(1, 2), n)::geo], [NULL::geo]], (SELECT film FROM films AS film WHERE film_id = n),
    ARRAY[1999, NULL]::release_year[], ARRAY['{a,"b c",NULL}', NULL]::words[],
    ARRAY[9007199254740993]::big_id[], ARRAY[[1, 2], [3, n]] FROM generate_series(1, 12) AS n;
INSERT INTO places (id) VALUES (0);
INSERT INTO labels SELECT n, CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE
    hstore(ARRAY['k "' || n || '" \', '', '=>', 'null'], ARRAY['v, "' || n || '" \', '', 'NULL', NULL])
    END, ARRAY[hstore('a', n::text), NULL] FROM generate_series(1, 12) AS n;
INSERT INTO kinds SELECT n, ('{"b" :' || n || '.10, "a":[1e400, 1.00]}')::json,
    ('[' || n || '.10, 123456789012345678901234567890.5]')::jsonb, '{"x": {"y": []}}',
    ARRAY['{"a": 0.10}', NULL]::attributes[], md5(n::text)::uuid,
    n * interval '1 year 2 mons 3 days 04:05:06.789', time '23:59:59.5', timetz '12:00+05:30',
    '10.0.0.1/24', '10.0.0.0/24', '08:00:2b:01:02:03', n * 1.5::text::money, B'10101', B'101',
    int4range(n, NULL), '{[1,2),[3.5,4.5]}', n / 3.0::float8, n / 3.0::float4,
    n * 1e-30::numeric, '16/B374D848', '<a b="c">&lt;</a>', 'fat & (rat | cat)',
    ARRAY[box(point(0, 0), point(n, 1)), NULL], ARRAY[daterange('2026-01-01', NULL), 'empty'],
    ARRAY[timestamp '2026-01-01', 'infinity'], ARRAY['\x00ff', NULL, '\x']::bytea[],
    ARRAY[true, false, NULL] FROM generate_series(1, 12) AS n;
INSERT INTO kinds (id, e8, e4, big) VALUES (13, 'NaN', '-Infinity', 'NaN'), (14, '-0', 1e-40, -0.00);

DO $$ DECLARE name name; BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'trip'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition LOOP
        EXECUTE format('CREATE TABLE twin.%1$I (LIKE trip.%1$I)', name);
    END LOOP;
END $$;
-- Neither by its name nor by its category is a type what it looks like.
CREATE TYPE twin.hstore AS ENUM ('"a"=>"b"', '{a}');
RESET search_path;
