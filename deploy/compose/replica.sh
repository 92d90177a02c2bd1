#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a replica, as user postgres: replica.sh NAME [server option...]. The first time it copies the
# primary; NAME is its slot there. A copy that did not come to its end is begun anew.
set -eu
umask 077

name=$1
shift

if [ ! -e "$PGDATA.complete" ]; then
	rm -rf "$PGDATA"
	PGPASSWORD=$REPLICATION_PASSWORD pg_basebackup \
		--dbname "host=${PRIMARY_HOST:-primary} user=replicator application_name=$name" \
		--pgdata "$PGDATA" --slot "$name" --write-recovery-conf --wal-method stream \
		--checkpoint fast
	touch "$PGDATA.complete"
fi

exec postgres "$@"
