/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs with an order_key (@order-by): of each command and key only the first, its head, may be
 * claimed. A head that is not due, or is another worker's, blocks its key and nothing else. Keys
 * are gone through in their order, from where the last claim stopped and around to there again, so
 * that each of them has its turn.
 *
 * A loose scan of the index finds them: PostgreSQL steps from a key to the next one, looks at the
 * first row of each, and stops once there are enough. What it costs is a matter of the keys it
 * passes, not of the jobs that wait behind their heads.
 *
 * One worker at a time runs jobs of a key: the transaction that claims a head also takes an
 * advisory lock of the key. The lock of its row is not enough: of two jobs that were accepted at
 * the same moment, the one with the lower number may become visible while the other one runs.
 */
#pragma once

#include "base/text.h"
#include "write/jobs/job_statement.h"
#include "write/jobs/old_heads.h"

#include <stdbool.h>
#include <stdint.h>

/* How far the keys of a command were gone through. Zeroed: at the beginning. */
struct ordered_at {
	bool begun;
	char key[JOB_ORDER_KEY_BYTES + 1];
};

/* The greatest text that says which life of which server it is. */
#define ORDERED_LIFE_BYTES 48

/* Of a command; write/jobs/floors.h. Zeroed: none. */
struct ordered_floor {
	int64_t n;            /* no job of it with an order waits below that number, but for: */
	struct old_heads old; /* these keys */
	/* The next one, until what shows it is on the disk; 0: none. */
	int64_t walked;
	struct old_heads walked_old;
	bool goes_on; /* the walk has not come to it */
};

/* A claim has come as far as that key. */
void ordered_reach(struct ordered_at *at, struct text key);

/*
 * The values of the next. Of arrays, an element for a part of the keys of a command: commands;
 * behind which key, and number in it, it begins; at which key it ends, or NULL; and how many jobs
 * in all.
 */
enum ordered_value {
	ORDERED_COMMANDS,
	ORDERED_KEY,
	ORDERED_N,
	ORDERED_UNTIL,
	ORDERED_LIMIT,
	ORDERED_VALUES
};

/* Whether keys are gone through upwards, without a floor, or downwards: ordered_above.h. */
enum ordered_way { ORDERED_UP, ORDERED_DOWN, ORDERED_WAYS };

/* clang-format off */
#define ORDERED_FIRST_BEHIND(where)                                                                \
	"SELECT o.order_key, o.n, o.run_at FROM cqrsd.job AS o WHERE o.command = q.command"        \
	" AND o.order_key IS NOT NULL AND " where " ORDER BY o.order_key, o.n LIMIT 1"

/*
 * In SQL, the heads that may be claimed, locked by the clause. 200 blocked keys are not passed over
 * by one claim: it ends there, with a row that is no job (n is NULL) but says how far it came, and
 * the next claim goes on behind it.
 */
#define ORDERED_HEADS(locked)                                                                      \
	"SELECT p.* FROM"                                                                          \
	" (SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::int8[]),"    \
	" (SELECT $4::text[])) AS q(command, key, n, until) WHERE NOT EXISTS"                      \
	" (SELECT FROM cqrsd.job_pause AS s WHERE s.command IN (q.command, '*')"                   \
	" AND (q.n >= 0 OR s.retry_at IS NULL)) OFFSET 0) AS q"                                    \
	" CROSS JOIN LATERAL (WITH RECURSIVE head AS ((SELECT f.*, 1 AS looked FROM ("             \
	ORDERED_FIRST_BEHIND("(o.order_key, o.n) > (q.key COLLATE \"C\", q.n)") ") AS f)"          \
	" UNION ALL SELECT f.*, h.looked + 1 FROM head AS h CROSS JOIN LATERAL ("                  \
	ORDERED_FIRST_BEHIND("o.order_key > h.order_key") ") AS f"                                 \
	" WHERE h.looked < 200 AND (q.until IS NULL OR h.order_key < q.until))"                    \
	" SELECT o.n, o.run_at, o.attempts, o.attempts_max, o.begun, o.begun_at, o.begun_by,"      \
	" o.locker, o.command, o.parameters, o.claims, o.\"user\", o.session,"                     \
	" o.order_key"                    \
	" FROM head AS h CROSS JOIN LATERAL (SELECT o.*, o.xmax AS locker FROM cqrsd.job AS o"     \
	" WHERE o.n = h.n AND o.run_at <= now() AND o.begun <= o.attempts" locked ") AS o"         \
	" WHERE h.run_at <= now() AND (q.until IS NULL OR h.order_key <= q.until)"                 \
	" UNION ALL SELECT NULL, h.run_at, 0::int2, 0::int2, 0::int2, NULL, NULL, '0'::xid,"       \
	" q.command, NULL, NULL, NULL, NULL, h.order_key FROM head AS h"                           \
	" WHERE h.looked = 200) AS p"      \
	" LIMIT (SELECT $5::int8)"

/* Of a row of the above: it is no job, or no other transaction has one of its key. */
#define ORDERED_IS_MINE(row)                                                                       \
	"CASE WHEN " row ".n IS NULL THEN true ELSE pg_try_advisory_xact_lock(1129465170,"         \
	" hashtext(" row ".command || ' ' || " row ".order_key)) END"
/* clang-format on */
