/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publication that says what is decoded (--feed logical), as SQL: what an instance needs of
 * PostgreSQL, which tables the publication has whole, and by what a change of it is seen. cqrsd
 * makes none and changes none: UPDATE and DELETE fail on a published table without a replica
 * identity, so that it is the operator's to say which.
 */
#pragma once

#define FEED_PUBLICATION "cqrsd_feed"

/*
 * One row: what is wrong with the node, the connection's role, or the publication ("": nothing);
 * when its postmaster started, in us; whether it is a standby; PUBLICATION_SUM.
 *
 * What decodes would count as a synchronous standby where its name is one of those: commits would
 * be acknowledged by it that no standby has.
 */
extern const char feed_publication_check[];

/* Is the table pg_class c published, each change of each of its rows? What a partitioned table is
 * published for, its partitions are. Columns that are left out hide no change, conditions do; and
 * publish_via_partition_root hides TRUNCATE of a partition. */
#define PUBLICATION_HAS_C                                                                          \
	"EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = '" FEED_PUBLICATION "'"         \
	" AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate"                       \
	" AND NOT p.pubviaroot"                                                                    \
	" AND CASE WHEN p.puballtables"                                                            \
	" THEN NOT EXISTS (SELECT FROM pg_publication_rel AS r WHERE r.prpubid = p.oid)"           \
	" ELSE (SELECT coalesce(bool_and(to_jsonb(r) ->> 'prqual' IS NULL), false)"                \
	" FROM pg_publication_rel AS r WHERE r.prpubid = p.oid AND (r.prrelid = c.oid"             \
	" OR r.prrelid IN (SELECT a.relid FROM pg_partition_ancestors(c.oid) AS a (relid))))"      \
	" END)"

/* A sum over what makes PUBLICATION_HAS_C what it is for these relations: oid[], or an expression.
 * The sum of what it is for each of them alone. */
#define PUBLICATION_SHAPE(relations)                                                               \
	"(SELECT coalesce(sum(hashtextextended(x.part, 0) >> 20), 0)::bigint FROM ("               \
	"SELECT 'P' || c.oid || ' ' || p.oid || ' ' || p.xmin FROM pg_publication AS p"            \
	" JOIN pg_class AS c ON c.oid = ANY (" relations ")"                                       \
	" WHERE p.pubname = '" FEED_PUBLICATION "'"                                                \
	" UNION ALL SELECT 'R' || r.prrelid || ' ' || r.oid || ' ' || r.xmin"                      \
	" FROM pg_publication_rel AS r JOIN pg_publication AS p ON p.oid = r.prpubid"              \
	" WHERE p.pubname = '" FEED_PUBLICATION "' AND r.prrelid = ANY (" relations ")"            \
	") AS x (part))"

/* A sum over the publication whole: another one for each change of it. */
#define PUBLICATION_SUM                                                                            \
	"(SELECT coalesce(sum(hashtextextended(x.part, 0) >> 20), 0)::bigint FROM ("               \
	"SELECT 'P' || p.oid || ' ' || p.xmin FROM pg_publication AS p"                            \
	" WHERE p.pubname = '" FEED_PUBLICATION "'"                                                \
	" UNION ALL SELECT 'R' || r.oid || ' ' || r.xmin"                                          \
	" FROM pg_publication_rel AS r JOIN pg_publication AS p ON p.oid = r.prpubid"              \
	" WHERE p.pubname = '" FEED_PUBLICATION "') AS x (part))"

/* The same for rows f of the functions that say what a query reads (id, wrong, shape), behind
 * PUBLICATION_JOIN. What no trigger sees is no lack here, and what a subscription writes is decoded
 * like all else. Of other storage than that of PostgreSQL itself nothing is known. */
#define PUBLICATION_JOIN " LEFT JOIN pg_class AS c ON c.oid = f.id::oid"
#define PUBLICATION_WRONG                                                                          \
	"CASE WHEN c.oid IS NULL"                                                                  \
	" OR f.wrong NOT IN ('it is not watched', 'a subscription writes to it') THEN f.wrong"     \
	" WHEN c.relkind NOT IN ('r', 'p') THEN f.wrong"                                           \
	" WHEN c.relkind = 'r' AND c.relam <> 2"                                                   \
	" THEN 'what its storage writes may not be decoded'"                                       \
	" WHEN NOT " PUBLICATION_HAS_C " THEN 'it is not in the publication " FEED_PUBLICATION     \
	"' END"
#define PUBLICATION_SHAPED "f.shape + " PUBLICATION_SHAPE("ARRAY[f.id]::oid[]")
