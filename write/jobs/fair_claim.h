/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fair claim in SQL (write/jobs/fair.h): parts of the tenants of some commands, gone through in
 * their order; of each tenant the first jobs that are due and free, locked by the clause. $1 to $3:
 * arrays, an element for a part: its command, behind which tenant it begins, with which it ends;
 * $4: how many jobs in all, $5: of a tenant; $6: the bits that are passed over from one tenant to
 * the next. 200 tenants without a job that can be claimed end it, with a row that is none (n is
 * NULL) but says how far it came.
 */
#pragma once

/* clang-format off */
#define FAIR_FIRST_BEHIND(tenant)                                                                  \
	"SELECT o.tenant, o.run_at FROM cqrsd.job AS o WHERE o.command = q.command"                \
	" AND o.order_key IS NULL AND o.tenant > " tenant                                          \
	" ORDER BY o.tenant, o.run_at LIMIT 1"

#define FAIR_CLAIM(locked)                                                                         \
	" FROM (SELECT p.* FROM"                                                                   \
	" (SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::int8[]), (SELECT $3::int8[]))"    \
	" AS q(command, after, until) WHERE NOT EXISTS"                                            \
	" (SELECT FROM cqrsd.job_pause AS s WHERE s.command IN (q.command, '*')) OFFSET 0) AS q"   \
	" CROSS JOIN LATERAL (WITH RECURSIVE head AS ((SELECT f.*, 1 AS looked FROM ("             \
	FAIR_FIRST_BEHIND("q.after") ") AS f)"                                                     \
	" UNION ALL SELECT f.*, h.looked + 1 FROM head AS h CROSS JOIN LATERAL ("                  \
	FAIR_FIRST_BEHIND("(h.tenant | (SELECT $6::int8))") ") AS f"                               \
	" WHERE h.looked < 200 AND h.tenant < q.until)"                                            \
	" SELECT o.n, o.run_at, o.attempts, o.attempts_max, o.begun, o.begun_at, o.begun_by,"      \
	" o.locker, o.command, o.parameters, o.claims, o.\"user\", o.session, o.tenant"            \
	" FROM head AS h CROSS JOIN LATERAL (SELECT o.*, o.xmax AS locker FROM cqrsd.job AS o"     \
	" WHERE o.command = q.command AND o.order_key IS NULL AND o.tenant = h.tenant"             \
	" AND o.run_at <= now() AND o.begun <= o.attempts ORDER BY o.run_at, o.n"                  \
	" LIMIT (SELECT $5::int8)" locked ") AS o"                                                 \
	" WHERE h.run_at <= now() AND h.tenant <= q.until"                                         \
	" UNION ALL SELECT NULL, h.run_at, 0::int2, 0::int2, 0::int2, NULL, NULL, '0'::xid,"       \
	" q.command, NULL, NULL, NULL, NULL, h.tenant FROM head AS h WHERE h.looked = 200) AS p"   \
	" LIMIT (SELECT $4::int8)) AS j"
/* clang-format on */
