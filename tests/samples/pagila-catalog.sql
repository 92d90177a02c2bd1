-- What an application over Pagila asks: its tables as they are, its views, its functions, reports.

-- query: actors :many
-- @param last_name text?
SELECT * FROM actor WHERE :last_name IS NULL OR last_name = :last_name ORDER BY actor_id;

-- query: addresses :many
SELECT * FROM address ORDER BY address_id;

-- query: customers :many
-- @param store_id smallint?
-- @param active boolean = true
SELECT * FROM customer WHERE (:store_id IS NULL OR store_id = :store_id) AND active = :active;

-- query: films :many
-- @param rating mpaa_rating?
-- @param year year?
-- @param feature text?
SELECT * FROM film WHERE (:rating IS NULL OR rating = :rating)
   AND (:year IS NULL OR release_year = :year) AND (:feature IS NULL OR
   :feature = ANY (special_features)) ORDER BY film_id;

-- query: film :maybe
-- @param film_id int
SELECT *, film.* IS NULL AS gone FROM film WHERE film_id = :film_id;

-- query: films_found :many
-- @param words text
SELECT film_id, title, fulltext, ts_rank(fulltext, plainto_tsquery('english', :words)) AS rank,
       ts_headline(title, plainto_tsquery('english', :words)) AS headline
  FROM film WHERE fulltext @@ plainto_tsquery('english', :words);

-- query: film_of_language :many
SELECT l.name, f.film_id, f.title, o.name AS original, count(f.film_id) OVER (PARTITION BY l.name)
       AS films
  FROM language AS l LEFT JOIN film AS f USING (language_id)
  LEFT JOIN language AS o ON o.language_id = f.original_language_id;

-- query: staff_members :many
SELECT * FROM staff ORDER BY staff_id;

-- query: pictures :many
SELECT staff_id, picture, length(picture) AS bytes, encode(picture, 'hex') AS hex FROM staff;

-- query: actor_infos :many
SELECT * FROM actor_info ORDER BY actor_id;

-- query: customer_list :many
SELECT * FROM customer_list ORDER BY id;

-- query: film_list :many
SELECT * FROM film_list;

-- query: slower_film_list :many
SELECT * FROM nicer_but_slower_film_list;

-- query: sales_by_film_category :many
SELECT * FROM sales_by_film_category;

-- query: rental_by_category :many
SELECT * FROM rental_by_category;

-- query: sales_by_store :many
SELECT * FROM sales_by_store;

-- query: staff_list :many
SELECT * FROM staff_list;

-- query: film_in_stock :many
-- @param film_id int
-- @param store_id int = 1
SELECT * FROM film_in_stock(:film_id, :store_id);

-- query: inventory :many
SELECT i.inventory_id, inventory_in_stock(i.inventory_id) AS in_stock,
       inventory_held_by_customer(i.inventory_id) AS held_by, f.title
  FROM inventory AS i JOIN film AS f USING (film_id);

-- query: balance :one
-- @param customer_id int
-- @param at timestamptz?
SELECT get_customer_balance(:customer_id, coalesce(:at, now())) AS balance,
       last_day(coalesce(:at, now())) AS until;

-- query: rewards :many
-- @param min_purchases int
SELECT * FROM rewards_report(:min_purchases);

-- query: rentals_of_customer :many
-- @param customer_id int
SELECT r.rental_id, r.rental_date, r.return_date, r.return_date - r.rental_date AS lent,
       p.payment_id, p.amount, f.title, r.return_date IS NULL AS out
  FROM rental AS r LEFT JOIN payment AS p USING (rental_id)
  JOIN inventory AS i USING (inventory_id) JOIN film AS f USING (film_id)
 WHERE r.customer_id = :customer_id;

-- query: overdue :many
SELECT c.last_name || ', ' || c.first_name AS customer, a.phone, f.title
  FROM rental AS r JOIN customer AS c ON r.customer_id = c.customer_id
  JOIN address AS a ON c.address_id = a.address_id
  JOIN inventory AS i ON r.inventory_id = i.inventory_id JOIN film AS f ON i.film_id = f.film_id
 WHERE r.return_date IS NULL AND r.rental_date < current_date;

-- query: payments :many
-- @param since timestamptz?
SELECT p.*, s.username, r.rental_id AS rental FROM payment AS p JOIN staff AS s USING (staff_id)
  LEFT JOIN rental AS r ON r.rental_id = p.rental_id
 WHERE :since IS NULL OR p.payment_date >= :since;

-- query: payments_by_month :many
SELECT date_trunc('month', payment_date) AS month, sum(amount) AS total, avg(amount) AS mean,
       count(rental_id) AS rentals, min(last_update) AS first_update,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS median,
       lag(sum(amount)) OVER (ORDER BY date_trunc('month', payment_date)) AS before
  FROM payment GROUP BY 1;

-- query: payments_cube :many
SELECT customer_id, staff_id, sum(amount) AS total, grouping(customer_id, staff_id) AS level
  FROM payment GROUP BY CUBE (customer_id, staff_id);

-- query: films_by_rating :many
SELECT rating, count(*) AS films, array_agg(title ORDER BY title) AS titles,
       array_agg(release_year) AS years, jsonb_agg(special_features) AS features,
       string_agg(description, '; ') AS descriptions,
       count(*) FILTER (WHERE length > 70) AS long, avg(length) FILTER (WHERE length > 70) AS mean
  FROM film GROUP BY rating;

-- query: ratings :many
SELECT unnest(enum_range(NULL::mpaa_rating)) AS rating;

-- query: features :many
SELECT f.film_id, s.feature, s.n FROM film AS f
  LEFT JOIN LATERAL unnest(f.special_features) WITH ORDINALITY AS s (feature, n) ON true;

-- query: film_rows :many
SELECT f AS film, c.name AS category FROM film AS f LEFT JOIN film_category USING (film_id)
  LEFT JOIN category AS c USING (category_id);

-- query: stores :many
SELECT s.store_id, m.username, (SELECT count(*) FROM inventory AS i WHERE i.store_id = s.store_id)
       AS copies, (SELECT max(r.rental_date) FROM rental AS r JOIN inventory AS i USING
       (inventory_id) WHERE i.store_id = s.store_id) AS last_rental,
       ARRAY(SELECT c.email FROM customer AS c WHERE c.store_id = s.store_id) AS emails
  FROM store AS s JOIN staff AS m ON m.staff_id = s.manager_staff_id;

-- query: totals :one
SELECT count(*) AS payments, sum(amount) AS total, max(payment_date) AS last,
       coalesce(sum(amount), 0) AS sum_or_none, array_agg(payment_id) AS ids FROM payment;

-- query: people :many
SELECT first_name, email, 'customer' AS kind, NULL AS username FROM customer UNION ALL
SELECT first_name, email, 'staff', username FROM staff UNION ALL
SELECT first_name, NULL, 'actor', NULL FROM actor;

-- query: related_actors :many
-- @param actor_id int
WITH RECURSIVE near (actor_id, step, by) AS (SELECT :actor_id::int, 0, NULL::int UNION
    SELECT b.actor_id, n.step + 1, b.film_id FROM near AS n JOIN film_actor AS a USING (actor_id)
      JOIN film_actor AS b ON b.film_id = a.film_id WHERE n.step < 2)
SELECT n.actor_id, n.step, n.by, a.last_name FROM near AS n LEFT JOIN actor AS a USING (actor_id);

-- query: big_id :one
-- @param id bıgint
SELECT :id::"bıgint" AS id;

-- command: rent :one
-- @param inventory_id int
-- @param customer_id int
INSERT INTO rental (inventory_id, customer_id, staff_id)
SELECT i.inventory_id, :customer_id, 1 FROM inventory AS i WHERE i.inventory_id = :inventory_id
RETURNING rental_id, rental_date, return_date, staff_id;

-- command: return :many
-- @param inventory_id int
UPDATE rental SET return_date = now() WHERE inventory_id = :inventory_id AND return_date IS NULL
RETURNING rental_id, return_date, customer_id;

-- command: add_film :one
-- @param title text
-- @param year year?
-- @param rating mpaa_rating?
-- @param features text[]?
INSERT INTO film (title, release_year, rating, special_features, language_id)
VALUES (:title, :year, :rating, :features, 1) RETURNING *;

-- command: rate_films :many
-- @param rating mpaa_rating
UPDATE film AS f SET rating = :rating FROM film AS g LEFT JOIN film_category AS c USING (film_id)
 WHERE g.film_id = f.film_id RETURNING f.film_id, f.rating, f.description, c.category_id, g.length;
