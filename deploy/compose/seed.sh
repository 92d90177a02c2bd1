#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Loads the shop's tables and data into the primary, unless they are there already. Each file is one
# transaction; the data is there when its last table has rows.
set -eu

run() {
	psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"
}

if [ "$(run --tuples-only --no-align --command "SELECT to_regclass('public.orders')")" = '' ]; then
	run --file "${SHOP:-/shop}"/schema.sql
fi
if [ "$(run --tuples-only --no-align --command 'SELECT EXISTS (SELECT FROM orders)')" = f ]; then
	run --file "${SHOP:-/shop}"/data.sql
fi
