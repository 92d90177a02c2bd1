-- Northwind with the kinds of columns of its port to PostgreSQL: small numbers, texts of limited
-- length, prices as real, dates. Data: sources.py, which has no employees and no territories.
CREATE TABLE categories (id smallint PRIMARY KEY, name varchar(15) NOT NULL, description text);
CREATE TABLE customers (id smallint PRIMARY KEY, "companyName" varchar(40) NOT NULL,
    "contactName" varchar(30), "contactTitle" varchar(30), street varchar(60), city varchar(24),
    region varchar(15), "postalCode" varchar(10), country varchar(15), phone varchar(24),
    "customerKey" bpchar(5) NOT NULL);
CREATE TABLE orderdetails (id int PRIMARY KEY, "orderId" smallint NOT NULL,
    "productId" smallint NOT NULL, "unitPrice" real NOT NULL, quantity smallint NOT NULL,
    discount real NOT NULL);
CREATE TABLE orders (id smallint PRIMARY KEY, "customerId" smallint, "customerKey" bpchar(5),
    "orderDate" date, "requiredDate" date, "shippedDate" date, "shipperId" smallint, freight real,
    "shipName" varchar(40), "shipStreet" varchar(60), "shipCity" varchar(15),
    "shipRegion" varchar(15), "shipPostalCode" varchar(10), "shipCountry" varchar(15));
CREATE TABLE products (id smallint PRIMARY KEY, name varchar(40) NOT NULL, "supplierId" smallint,
    "categoryId" smallint, "quantityPerUnit" varchar(20), "unitPrice" real,
    "unitsInStock" smallint, "unitsOnOrder" smallint, "reorderLevel" smallint,
    discontinued boolean NOT NULL);
CREATE TABLE shippers (id smallint PRIMARY KEY, "companyName" varchar(40) NOT NULL,
    phone varchar(24));
CREATE TABLE suppliers (id smallint PRIMARY KEY, "companyName" varchar(40) NOT NULL,
    "contactName" varchar(30), "contactTitle" varchar(30), street varchar(60), city varchar(24),
    region varchar(15), "postalCode" varchar(10), country varchar(15), phone varchar(24));
