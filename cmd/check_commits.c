/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings are read off the system catalogs, which every role may see. What a function or an
 * operation does is not known: that it names the setting is enough for a warning.
 */
#include "cmd/check_commits.h"

#include "cmd/check_said.h"
#include "router/cluster/commit_settings.h"

#include <string.h>

#define IS_OFF(column) COMMIT_SETTING_IS(column, COMMIT_OFF)

/* Where the setting of this session comes from. */
static const char check_commits_own[] =
	"SELECT CASE source WHEN 'database' THEN 'its database' WHEN 'user' THEN 'the role'"
	" WHEN 'database user' THEN 'the role in its database' ELSE 'the cluster' END AS said"
	" FROM pg_settings WHERE name = '" COMMIT_SETTING "' AND setting = 'off'";

static const char check_commits_others[] =
	"SELECT string_agg(concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN"
	" 'role ' || coalesce(r.rolname, s.setrole::text) END,"
	" CASE WHEN s.setdatabase <> 0 THEN 'database ' || d.datname END,"
	" CASE WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'all roles' END), ', ')"
	" AS said" COMMIT_SETTINGS
	" AND coalesce(r.rolname, '') <> current_user AND " IS_OFF("s.setconfig");

static const char check_commits_functions[] =
	"SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid) AS said"
	" FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
	" WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'cqrsd') AND (" IS_OFF(
		"p.proconfig") " OR position('" COMMIT_SETTING "' IN lower(p.prosrc)) > 0)";

static void check_commits_operations(const struct catalog *catalog, struct findings *findings)
{
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];

		if (strcasestr(operation->statement->text, COMMIT_SETTING))
			findings_warning(findings, operation->text_place,
					 "it names " COMMIT_SETTING
					 ": what it commits with it off is "
					 "not covered by the read index");
	}
}

void check_commits(struct check_node *primary, const struct catalog *catalog,
		   struct findings *findings)
{
	const struct place nowhere = { 0 };
	const char *name = primary->asker.node->name;
	struct text said = check_said(primary, findings, COMMIT_SETTING, check_commits_own);

	if (said.len)
		findings_warning(
			findings, nowhere,
			"%s: " COMMIT_SETTING " is off for this role, by a setting of %.*s: "
			"commits are acknowledged before they are flushed. There is no read "
			"index: with --sessions cluster and --strong replicas the primary "
			"answers; and a crash of the primary loses what was acknowledged",
			name, (int)said.len, said.ptr);
	said = check_said(primary, findings, COMMIT_SETTING, check_commits_others);
	if (said.len)
		findings_warning(
			findings, nowhere,
			"%s: " COMMIT_SETTING " is off for %.*s: the read index does not cover "
			"their commits until they are flushed, so that queries of --sessions "
			"cluster and strong queries of replicas may miss them",
			name, (int)said.len, said.ptr);
	said = check_said(primary, findings, COMMIT_SETTING, check_commits_functions);
	if (said.len)
		findings_warning(findings, nowhere,
				 "%s: " COMMIT_SETTING
				 " is set or named by %.*s: what is committed with "
				 "it off is not covered by the read index until it is flushed",
				 name, (int)said.len, said.ptr);
	check_commits_operations(catalog, findings);
}
