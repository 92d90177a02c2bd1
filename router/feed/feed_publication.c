/* SPDX-License-Identifier: Apache-2.0 */
/* One sentence for each thing that is missing, all at once. */
#include "router/feed/feed_publication.h"

#include "pg/decoding.h"

/* clang-format off */
const char feed_publication_check[] =
	"SELECT concat_ws('; ',"
	" CASE WHEN current_setting('server_version_num')::int < 140000"
	" THEN 'PostgreSQL 14 or later is needed' END,"
	" CASE WHEN current_setting('wal_level') <> 'logical'"
	" THEN 'wal_level is ' || current_setting('wal_level') || ', not logical' END,"
	" CASE WHEN NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = current_user"
	" AND (r.rolreplication OR r.rolsuper))"
	" THEN format('the role has no REPLICATION: ALTER ROLE %I REPLICATION', current_user) END,"
	" CASE WHEN (SELECT count(*) FROM pg_replication_slots)"
	" >= current_setting('max_replication_slots')::int"
	" THEN 'each of its ' || current_setting('max_replication_slots')"
	" || ' max_replication_slots is taken' END,"
	" CASE WHEN (SELECT count(*) FROM pg_stat_replication AS s WHERE s.pid <> pg_backend_pid())"
	" >= current_setting('max_wal_senders')::int"
	" THEN 'each of its ' || current_setting('max_wal_senders')"
	" || ' max_wal_senders is taken' END,"
	" CASE WHEN NOT EXISTS (SELECT FROM pg_publication AS p"
	" WHERE p.pubname = '" FEED_PUBLICATION "')"
	" THEN 'there is no publication " FEED_PUBLICATION
	": CREATE PUBLICATION " FEED_PUBLICATION " FOR ALL TABLES' END,"
	" (SELECT 'the publication " FEED_PUBLICATION
	" leaves out insert, update, delete or truncate' FROM pg_publication AS p"
	" WHERE p.pubname = '" FEED_PUBLICATION "'"
	" AND NOT (p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate)),"
	" (SELECT 'the publication " FEED_PUBLICATION " lacks cqrsd.invalidation, by which commands"
	" say what they make stale: ALTER PUBLICATION " FEED_PUBLICATION
	" ADD TABLE cqrsd.invalidation' FROM pg_publication AS p, pg_class AS c"
	" JOIN pg_namespace AS n ON n.oid = c.relnamespace"
	" WHERE p.pubname = '" FEED_PUBLICATION "' AND NOT p.pubviaroot"
	" AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate"
	" AND n.nspname = 'cqrsd' AND c.relname = 'invalidation' AND NOT " PUBLICATION_HAS_C "),"
	" (SELECT 'the publication " FEED_PUBLICATION
	" has publish_via_partition_root, which hides TRUNCATE of a partition'"
	" FROM pg_publication AS p WHERE p.pubname = '" FEED_PUBLICATION "' AND p.pubviaroot),"
	" CASE WHEN strpos(current_setting('synchronous_standby_names'), '*') > 0"
	" OR strpos(lower(current_setting('synchronous_standby_names')), '" DECODING_NAME "') > 0"
	" THEN 'by synchronous_standby_names (' || current_setting('synchronous_standby_names')"
	" || ') what is decoded would count as a standby: name the standbys, and none "
	DECODING_NAME "' END"
	") AS wrong,"
	" (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS started,"
	" pg_is_in_recovery() AS standby, " PUBLICATION_SUM " AS publication";
/* clang-format on */
