/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs verb: on the primary alone, with or without a service that runs. */
#include "cmd/ask.h"
#include "cmd/jobs_line.h"
#include "cmd/jobs_print.h"
#include "cmd/start.h"
#include "cmd/verb_audit.h"
#include "cmd/verbs.h"
#include "router/cluster/node_status.h"
#include "write/jobs/job_known.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JOBS_TURN_US 100000
#define JOBS_CATALOG_DEFAULT "./sql"

struct jobs_work {
	struct jobs_line line;
	struct options options;
	struct asker asker;
	struct job_ids *ids; /* NULL: not needed */
	struct job_admin admin;
	struct buf known;
	struct verb_audit audit;
	bool done; /* the admin has ended */
};

static const char *jobs_action(const struct jobs_work *work)
{
	return job_action_row(work->line.action)->name;
}

/* --- what it takes --------------------------------------------------------------------------- */

/* {"key":"0f…"} */
static bool jobs_read_key(const struct buf *row, uint8_t key[SIGN_KEY_BYTES])
{
	static const char begins[] = "{\"key\":\"";
	size_t at = sizeof(begins) - 1;

	if (row->len < at + 2 * SIGN_KEY_BYTES)
		return false;
	for (size_t i = 0; i < SIGN_KEY_BYTES; i++, at += 2) {
		unsigned byte;

		if (sscanf((const char[3]){ row->ptr[at], row->ptr[at + 1] }, "%2x", &byte) != 1)
			return false;
		key[i] = (uint8_t)byte;
	}
	return true;
}

static bool jobs_learn_ids(struct jobs_work *work)
{
	uint8_t key[SIGN_KEY_BYTES];
	struct call call;

	if (!jobs_line_takes_ids(&work->line))
		return true;
	if (asker_ask(&work->asker, CALL_QUERY, node_status_key_query, &call) != CALL_OK) {
		asker_complain_of_schema(&work->asker, "jobs", &call,
					 "SELECT ON cqrsd.token_key, from which ids are made,");
		return false;
	}
	if (!jobs_read_key(&work->asker.out, key)) {
		fprintf(stderr, "cqrsd jobs: ids of jobs cannot be known: cqrsd.token_key has no "
				"key: run cqrsd migrate\n");
		return false;
	}
	work->ids = job_ids_new(key);
	explicit_bzero(key, sizeof(key));
	return true;
}

/* Each command that is named has to be there; what is wanted of a queue may be a slip. */
static bool jobs_check_commands(const struct jobs_work *work, const struct catalog *catalog)
{
	for (unsigned i = 0; i < work->line.criteria_count; i++) {
		struct text name = work->line.criteria[i].value;
		const struct operation *operation;

		if (memchr(name.ptr, ',', name.len))
			continue;
		operation = catalog_find(catalog, REQUEST_COMMAND, name);
		if (operation && operation_is_job(operation))
			continue;
		fprintf(stderr,
			"cqrsd jobs %s: the catalog has no @async command %.*s, nor one with "
			"@every or @cron\n",
			jobs_action(work), (int)name.len, name.ptr);
		return false;
	}
	return true;
}

static bool jobs_take_catalog(struct jobs_work *work)
{
	struct catalog *catalog;
	struct buf errors;
	bool good = false;

	buf_init(&errors);
	catalog = catalog_load(work->options.catalog, NULL, &errors);
	fprintf(stderr, "%.*s", (int)errors.len, errors.ptr ? errors.ptr : "");
	buf_fini(&errors);
	if (!catalog)
		return false;
	if (job_action_row(work->line.action)->is_of_commands) {
		good = jobs_check_commands(work, catalog);
	} else {
		job_known_write(&work->known, catalog);
		buf_byte(&work->known, '\0');
		work->admin.known = work->known.ptr;
		good = true;
	}
	catalog_let_go(catalog);
	return good;
}

/* Of what a catalog has a say in; without one it is done all the same. */
static bool jobs_learn_catalog(struct jobs_work *work)
{
	const char *path = work->options.catalog;
	enum job_action action = work->line.action;

	if (action != JOB_ACTION_REPLAY && action != JOB_ACTION_PAUSE)
		return true;
	if (strcmp(path, JOBS_CATALOG_DEFAULT) != 0 || access(path, F_OK) == 0)
		return jobs_take_catalog(work);
	fprintf(stderr,
		"cqrsd jobs %s: there is no catalog at %s: it is not known which commands there "
		"are (--catalog)\n",
		jobs_action(work), path);
	return true;
}

/* --- doing it -------------------------------------------------------------------------------- */

static void jobs_on_done(struct job_admin *admin)
{
	container_of(admin, struct jobs_work, admin)->done = true;
}

static void jobs_complain(const struct jobs_work *work)
{
	asker_complain_of_schema(
		&work->asker, "jobs", &work->admin.call,
		"SELECT, INSERT, UPDATE, DELETE ON cqrsd.job, cqrsd.job_dead, "
		"SELECT, INSERT ON cqrsd.job_finished, SELECT, INSERT, UPDATE, DELETE "
		"ON cqrsd.job_pause, INSERT ON cqrsd.job_audit");
	if (work->admin.changed)
		fprintf(stderr,
			"cqrsd jobs %s: %lld were %s before that: the same once more goes on "
			"with the others\n",
			jobs_action(work), (long long)work->admin.changed,
			job_action_row(work->line.action)->past);
}

static bool jobs_run(struct jobs_work *work)
{
	char caller[VERB_CALLER_BYTES];

	verb_audit_caller(caller);
	work->admin.who = caller;
	work->admin.loop = work->asker.loop;
	work->admin.on_done = jobs_on_done;
	if (job_admin_send(&work->admin, work->asker.pool)) {
		loop_again(work->asker.loop);
		while (!work->done)
			loop_turn(work->asker.loop, JOBS_TURN_US);
	}
	if (job_admin_is_good(&work->admin))
		return true;
	jobs_complain(work);
	return false;
}

static void jobs_note(struct jobs_work *work, bool done)
{
	const struct job_action_row *row = job_action_row(work->line.action);
	struct audit_entry entry = { .event = row->event };

	entry.changed = (unsigned long)work->admin.changed;
	for (unsigned i = 0; i < work->line.criteria_count; i++) {
		const struct jobs_criterion *criterion = &work->line.criteria[i];

		if (text_is(criterion->name, "id"))
			entry.job = criterion->value;
		else if (text_is(criterion->name, "command"))
			entry.operation = criterion->value;
		else if (text_is(criterion->name, "user"))
			entry.user = criterion->value;
	}
	verb_audit_close(&work->audit, &entry, done);
}

/* The connection is made: all else that could be wrong comes before the first change. */
static int jobs_work(struct jobs_work *work)
{
	const struct job_action_row *row = job_action_row(work->line.action);
	bool done;

	if (!jobs_learn_catalog(work) || !jobs_learn_ids(work))
		return EXIT_FAILED;
	if (!jobs_line_apply(&work->line, &work->admin, work->ids))
		return EXIT_USAGE;
	if (row->event && !work->line.dry_run &&
	    !verb_audit_open(&work->audit, "jobs", &work->options))
		return EXIT_FAILED;
	done = jobs_run(work);
	jobs_note(work, done);
	if (!done)
		return EXIT_FAILED;
	done = jobs_print(&work->admin, work->ids, work->options.json);
	return done && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int jobs_connect(struct jobs_work *work)
{
	char error[512];
	int code;

	if (!asker_init(&work->asker, work->options.primary, NODE_PRIMARY, "pg_catalog,pg_temp",
			error, sizeof(error))) {
		fprintf(stderr, "cqrsd jobs: --primary: %s\n", error);
		return EXIT_FAILED;
	}
	job_admin_init(&work->admin);
	buf_init(&work->known);
	code = jobs_work(work);
	job_admin_fini(&work->admin);
	buf_fini(&work->known);
	if (work->ids)
		job_ids_free(work->ids);
	asker_fini(&work->asker);
	return code;
}

/* A mistake that can be seen without a database is refused without one. */
static bool jobs_line_is_good(const struct jobs_line *line)
{
	struct job_admin admin;
	bool good;

	job_admin_init(&admin);
	good = jobs_line_apply(line, &admin, NULL);
	job_admin_fini(&admin);
	return good;
}

int jobs_main(int argc, char **argv)
{
	static struct jobs_work work;
	int code;

	if (!jobs_line_read(&work.line, argc, argv, &code))
		return code;
	if (start_options(&work.options, VERB_JOBS, "jobs", work.line.rest_count, work.line.rest,
			  &code))
		code = jobs_line_is_good(&work.line) ? jobs_connect(&work) : EXIT_USAGE;
	jobs_line_fini(&work.line);
	return code;
}
