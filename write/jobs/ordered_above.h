/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads (write/jobs/ordered.h) above the floor of their command (write/jobs/floors.h), in SQL:
 * while an old snapshot keeps rows that are gone, each key has hundreds of them before its head.
 *
 * Keys are gone through downwards: the index, read from there, meets of each key its newest job
 * first, which waits if any of them does. From one key to the next one, what is below the floor is
 * passed over in the index, and the row is not read; then the head of the key is sought from the
 * floor on. So rows below it are not read at all, and those above it once for each claim: what was
 * done since the floor was found.
 *
 * Keys of old heads (write/jobs/old_heads.h) are met by their names as well, and each of their
 * heads is sought from its own number.
 *
 * A floor counts in its life of the server only, which the statement compares. Else it is 0.
 */
#pragma once

#include "base/control.h"
#include "write/jobs/ordered.h"

/* The values of the next: those of ORDERED_HEADS, but that each part begins below a key, or from
 * the last one where that is NULL, and goes down; then its floor. Arrays, an element for each
 * old head: command, key, number. How many jobs in all, and the life that the floors are of. */
enum above_value {
	ABOVE_FLOOR = ORDERED_UNTIL + 1,
	ABOVE_OLD_COMMANDS,
	ABOVE_OLD_KEYS,
	ABOVE_OLD_N,
	ABOVE_LIMIT,
	ABOVE_LIFE,
	ABOVE_VALUES
};

/* clang-format off */
/* In SQL: the life of this server, NULL on a standby. */
#define ORDERED_LIFE                                                                               \
	"CASE WHEN NOT pg_is_in_recovery()"                                                        \
	" THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || ' '"                       \
	" || (date_part('epoch', pg_postmaster_start_time()) * 1e6::float8)::int8 END"

/* Mostly there are no old heads: that is asked once, and not for each key. */
#define ABOVE_OF_OLD(what) "CASE WHEN (SELECT cardinality($8::int8[])) > 0 THEN " what " END"

/* The next key, by its newest job or by its name. As max() it needs no sort. */
#define ABOVE_LAST_BELOW(where)                                                                    \
	"(SELECT o.order_key FROM cqrsd.job AS o WHERE o.command = q.command"                      \
	" AND o.order_key IS NOT NULL AND o.n >= q.floor AND " where                               \
	" ORDER BY o.order_key DESC, o.n DESC LIMIT 1)"
#define ABOVE_OLD_BELOW(where)                                                                     \
	ABOVE_OF_OLD("(SELECT max(l.key) FROM old AS l WHERE l.command = q.command AND " where ")")

/* As an order by both columns it can be had of no other index. */
#define ABOVE_HEAD_OF(key)                                                                         \
	" LEFT JOIN LATERAL (SELECT o.n, o.run_at FROM cqrsd.job AS o WHERE o.command = q.command" \
	" AND o.order_key IS NOT NULL AND (o.order_key, o.n) >= (" key ", least(q.floor, "         \
	ABOVE_OF_OLD("(SELECT l.n FROM old AS l WHERE l.command = q.command"                       \
		     " AND l.key = " key ")") "))"                                                 \
	" AND o.order_key <= " key " ORDER BY o.order_key, o.n LIMIT 1) AS f ON true"

#define ORDERED_ABOVE(locked)                                                                      \
	"SELECT p.* FROM"                                                                          \
	" (SELECT q.command, q.key, q.n, q.until, CASE WHEN " CONTROL_JOB_LIFE                     \
	"(SELECT $10::text) = (SELECT " ORDERED_LIFE ") THEN q.floor ELSE 0 END AS floor"          \
	" FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::int8[]),"              \
	" (SELECT $4::text[]), (SELECT $5::int8[])) AS q(command, key, n, until, floor)"           \
	" WHERE NOT EXISTS (SELECT FROM cqrsd.job_pause AS s WHERE s.command IN (q.command, '*')"  \
	" AND (q.n >= 0 OR s.retry_at IS NULL)) OFFSET 0) AS q"                                    \
	" CROSS JOIN LATERAL (WITH RECURSIVE old AS MATERIALIZED (SELECT o.command,"               \
	" o.key COLLATE \"C\" AS key, o.n FROM unnest((SELECT $6::text[]), (SELECT $7::text[]),"   \
	" (SELECT $8::int8[])) AS o(command, key, n)), head AS (("                                 \
	"SELECT k.order_key, f.n, f.run_at, 1 AS looked FROM (SELECT greatest("                    \
	ABOVE_LAST_BELOW("q.key IS NULL") ", "                                                     \
	ABOVE_LAST_BELOW("(o.order_key, o.n) < (q.key COLLATE \"C\", q.n)") ", "                   \
	ABOVE_OLD_BELOW("(q.key IS NULL OR l.key < q.key)") ") AS order_key OFFSET 0) AS k"        \
	ABOVE_HEAD_OF("k.order_key") " WHERE k.order_key IS NOT NULL)"                             \
	" UNION ALL SELECT k.order_key, f.n, f.run_at, h.looked + 1 FROM head AS h"                \
	" CROSS JOIN LATERAL (SELECT greatest(" ABOVE_LAST_BELOW("o.order_key < h.order_key") ", " \
	ABOVE_OLD_BELOW("l.key < h.order_key") ") AS order_key OFFSET 0) AS k"                     \
	ABOVE_HEAD_OF("k.order_key") " WHERE k.order_key IS NOT NULL"                              \
	" AND h.looked < 200 AND (q.until IS NULL OR h.order_key > q.until))"                      \
	" SELECT o.n, o.run_at, o.attempts, o.attempts_max, o.begun, o.begun_at, o.begun_by,"      \
	" o.locker, o.command, o.parameters, o.claims, o.\"user\", o.session, o.order_key"         \
	" FROM head AS h CROSS JOIN LATERAL (SELECT o.*, o.xmax AS locker FROM cqrsd.job AS o"     \
	" WHERE o.n = h.n AND o.run_at <= now() AND o.begun <= o.attempts" locked ") AS o"         \
	" WHERE h.run_at <= now() AND (q.until IS NULL OR h.order_key >= q.until)"                 \
	" UNION ALL SELECT NULL, h.run_at, 0::int2, 0::int2, 0::int2, NULL, NULL, '0'::xid,"       \
	" q.command, NULL, NULL, NULL, NULL, h.order_key FROM head AS h"                           \
	" WHERE h.looked = 200) AS p LIMIT (SELECT $9::int8)"
/* clang-format on */
