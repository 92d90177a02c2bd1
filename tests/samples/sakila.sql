-- Sakila, the database that Pagila is a port of, with Pagila's kinds of columns: a domain, an enum,
-- an array, full text, a picture, moments with zone, a table in partitions. Data: sources.py.
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS int CHECK (VALUE BETWEEN 1901 AND 2155);

CREATE TABLE actor (actor_id int PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL,
    last_update timestamptz NOT NULL);
CREATE TABLE address (address_id int PRIMARY KEY, address text NOT NULL, address2 text,
    district text NOT NULL, city_id int NOT NULL, postal_code text, phone text NOT NULL,
    last_update timestamptz NOT NULL);
CREATE TABLE category (category_id int PRIMARY KEY, name text NOT NULL,
    last_update timestamptz NOT NULL);
CREATE TABLE city (city_id int PRIMARY KEY, city text NOT NULL, country_id int NOT NULL,
    last_update timestamptz NOT NULL);
CREATE TABLE country (country_id int PRIMARY KEY, country text NOT NULL,
    last_update timestamptz NOT NULL);
CREATE TABLE customer (customer_id int PRIMARY KEY, store_id smallint NOT NULL,
    first_name text NOT NULL, last_name text NOT NULL, email text, address_id int NOT NULL,
    active boolean NOT NULL, create_date date NOT NULL, last_update timestamptz);
CREATE TABLE film (film_id int PRIMARY KEY, title text NOT NULL, description text,
    release_year year, language_id int NOT NULL, original_language_id int,
    rental_duration smallint NOT NULL, rental_rate numeric(4, 2) NOT NULL, length smallint,
    replacement_cost numeric(5, 2) NOT NULL, rating mpaa_rating, special_features text[],
    last_update timestamptz NOT NULL, fulltext tsvector, rental_period interval);
CREATE TABLE film_actor (actor_id int, film_id int, last_update timestamptz NOT NULL,
    PRIMARY KEY (actor_id, film_id));
CREATE TABLE film_category (film_id int, category_id int, last_update timestamptz NOT NULL,
    PRIMARY KEY (film_id, category_id));
CREATE TABLE inventory (inventory_id int PRIMARY KEY, film_id int NOT NULL, store_id int NOT NULL,
    last_update timestamptz NOT NULL);
CREATE TABLE language (language_id int PRIMARY KEY, name bpchar(20) NOT NULL,
    last_update timestamptz NOT NULL);
CREATE TABLE payment (payment_id int, customer_id int NOT NULL, staff_id int NOT NULL,
    rental_id int, amount numeric(5, 2) NOT NULL, payment_date timestamptz NOT NULL,
    last_update timestamptz, PRIMARY KEY (payment_date, payment_id))
    PARTITION BY RANGE (payment_date);
CREATE TABLE payment_2005_06 PARTITION OF payment
    FOR VALUES FROM ('2005-06-01 00:00Z') TO ('2005-07-01 00:00Z');
CREATE TABLE payment_2005_07 PARTITION OF payment
    FOR VALUES FROM ('2005-07-01 00:00Z') TO ('2005-08-01 00:00Z');
CREATE TABLE payment_others PARTITION OF payment DEFAULT;
CREATE TABLE rental (rental_id int PRIMARY KEY, rental_date timestamptz NOT NULL,
    inventory_id int NOT NULL, customer_id int NOT NULL, return_date timestamptz,
    staff_id int NOT NULL, last_update timestamptz NOT NULL);
CREATE TABLE staff (staff_id int PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL,
    address_id int NOT NULL, picture bytea, email text, store_id int NOT NULL,
    active boolean NOT NULL, username text NOT NULL, password text,
    last_update timestamptz NOT NULL);
CREATE TABLE store (store_id int PRIMARY KEY, manager_staff_id int NOT NULL,
    address_id int NOT NULL, last_update timestamptz NOT NULL);
