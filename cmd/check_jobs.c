/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read off the system catalogs, which every role may see, so that a right that is missing is an
 * answer and no error. The rights are those of accepting, running and cancelling.
 */
#include "cmd/check_jobs.h"

#include <string.h>

/* Each table, with the rights that it takes. */
#define CHECK_TABLES(tables)                                                                       \
	"SELECT CASE WHEN bool_or(c.oid IS NULL) THEN 'missing'"                                   \
	" WHEN bool_and(has_schema_privilege(c.relnamespace, 'USAGE')"                             \
	" AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')"       \
	" AND (NOT needs.changes OR (has_table_privilege(c.oid, 'UPDATE')"                         \
	" AND has_table_privilege(c.oid, 'DELETE')))) THEN 'kept' ELSE 'refused' END AS jobs"      \
	" FROM (VALUES " tables ")"                                                                \
	" AS needs (name, changes) LEFT JOIN (pg_class AS c JOIN pg_namespace AS n"                \
	" ON n.oid = c.relnamespace AND n.nspname = 'cqrsd') ON c.relname = needs.name"

static bool check_jobs_say(const struct buf *out, const char *word)
{
	return memmem(out->ptr, out->len, word, strlen(word)) != NULL;
}

static const struct operation *check_jobs_needed(const struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (operation_is_job(&catalog->operations[i]))
			return &catalog->operations[i];
	return NULL;
}

static const struct operation *check_schedules_needed(const struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (catalog->operations[i].schedule.kind != SCHEDULE_NONE)
			return &catalog->operations[i];
	return NULL;
}

/* By which it has jobs. */
static const char *check_jobs_option(const struct operation *operation)
{
	return operation->async == ASYNC_NEVER ? operation->schedule.spec : "@async";
}

/* False: there is a finding. */
static bool check_tables(struct check_node *primary, const struct operation *needs,
			 const char *text, const char *kept, const char *refused,
			 struct findings *findings)
{
	const char *node = primary->asker.node->name;
	const char *why = "run cqrsd migrate";
	struct call call;

	/* That a primary gives no answer is among the findings of its first operation. */
	if (!needs)
		return true;
	if (asker_ask(&primary->asker, CALL_QUERY, text, &call) != CALL_OK) {
		findings_unasked(findings, node, "whether jobs are kept", &call);
		return false;
	}
	if (check_jobs_say(&primary->asker.out, "\"kept\""))
		return true;
	if (check_jobs_say(&primary->asker.out, "\"refused\""))
		why = refused;
	findings_error(findings, needs->place, "%s is %s, and %s keeps no %s: %s", needs->name,
		       check_jobs_option(needs), node, kept, why);
	return false;
}

void check_jobs(struct check_node *primary, const struct catalog *catalog,
		struct findings *findings)
{
	const struct operation *needed = check_jobs_needed(catalog);

	if (check_tables(primary, needed,
			 CHECK_TABLES("('job', true), ('job_finished', false), ('job_dead', true)"),
			 "jobs",
			 "the role lacks rights on the tables cqrsd.job, job_finished and job_dead",
			 findings))
		(void)check_tables(primary, needed, CHECK_TABLES("('job_pause', true)"),
				   "breakers of commands",
				   "the role needs SELECT, INSERT, UPDATE and DELETE on the table "
				   "cqrsd.job_pause",
				   findings);
	(void)check_tables(primary, check_schedules_needed(catalog),
			   CHECK_TABLES("('job_schedule', true)"), "schedules",
			   "the role lacks rights on the table cqrsd.job_schedule", findings);
}

void check_jobs_standby(struct check_node *standby, const struct catalog *catalog,
			struct findings *findings)
{
	const struct operation *needs = check_jobs_needed(catalog);
	struct call call;

	if (!needs)
		return;
	if (asker_ask(&standby->asker, CALL_QUERY,
		      "SELECT current_setting('hot_standby_feedback') AS feedback",
		      &call) != CALL_OK) {
		findings_unasked(findings, standby->asker.node->name,
				 "whether hot_standby_feedback is on", &call);
		return;
	}
	if (check_jobs_say(&standby->asker.out, "\"off\""))
		findings_warning(
			findings, needs->place,
			"%s is %s, and hot_standby_feedback is off on %s: rows of jobs "
			"come and go, and replay waits there for long queries (docs/jobs.md)",
			needs->name, check_jobs_option(needs), standby->asker.node->name);
}
