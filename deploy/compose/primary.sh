#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs once, when the primary's data folder has just been made (the image's own hook): the roles,
# the shop's database, a slot for each replica, and who may replicate.
set -eu

# Passwords are read inside psql: on its command line others could see them.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
\getenv shop_password SHOP_PASSWORD
\getenv replication_password REPLICATION_PASSWORD

-- cqrsd asks for no more than this: its own database, and pg_read_all_stats to see timelines.
CREATE ROLE shop LOGIN PASSWORD :'shop_password' IN ROLE pg_read_all_stats;
CREATE DATABASE shop OWNER shop;

CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replication_password';
SELECT pg_create_physical_replication_slot('replica1', true),
       pg_create_physical_replication_slot('replica2', true);
SQL

# The image lets everybody with a password into every database, which does not cover replication.
echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
