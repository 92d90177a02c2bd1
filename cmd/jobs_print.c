/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people, or an object per line: the same members in both. */
#include "cmd/jobs_print.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define JOBS_COUNT_BYTES 32

/* 9,871 */
static const char *jobs_count(int64_t count, char text[JOBS_COUNT_BYTES])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, count), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

static struct text jobs_member(const struct json *row, const char *key)
{
	const struct json *member = json_get(row, key);

	if (!member || json_kind(member) == JSON_NULL)
		return (struct text){ NULL, 0 };
	return json_kind(member) == JSON_STRING ? json_text(member) : json_source(member);
}

static bool jobs_is_true(const struct json *row, const char *key)
{
	const struct json *member = json_get(row, key);

	return member && json_kind(member) == JSON_BOOL && json_bool(member);
}

/* --- list, show ------------------------------------------------------------------------------- */

static const char *jobs_pause(const struct json *row)
{
	if (jobs_is_true(row, "breaker_open"))
		return ",breaker";
	return jobs_is_true(row, "paused") ? ",paused" : "";
}

/* Without what is not known; each attempt has a line of its own. */
static void jobs_print_shown(const struct json *job)
{
	for (const struct json *member = json_first(job); member; member = json_next(member)) {
		struct text key = json_key(member), value = jobs_member(job, key.ptr);

		if (json_kind(member) == JSON_ARRAY) {
			for (const struct json *it = json_first(member); it; it = json_next(it))
				printf("attempt        %.*s\n", (int)json_source(it).len,
				       json_source(it).ptr);
		} else if (value.ptr) {
			printf("%-14.*s %.*s\n", (int)key.len, key.ptr, (int)value.len, value.ptr);
		}
	}
}

static void jobs_print_row(const struct json *job)
{
	struct text id = jobs_member(job, "id"), command = jobs_member(job, "command");
	struct text state = jobs_member(job, "state"), at = jobs_member(job, "finished_at");
	struct text code = jobs_member(job, "code"), sqlstate = jobs_member(job, "sqlstate");
	struct text message = jobs_member(job, "message"), tries = jobs_member(job, "attempts");
	struct text most = jobs_member(job, "attempts_max");

	if (!at.ptr)
		at = jobs_member(job, "created_at");
	printf("%.*s  %.*s%-*s  %-24.*s  %3.*s/%-3.*s  %.19s  %.*s%s%.*s%s%.*s\n", (int)id.len,
	       id.ptr, (int)state.len, state.ptr, 17 - (int)state.len, jobs_pause(job),
	       (int)command.len, command.ptr, (int)tries.len, tries.ptr, (int)most.len, most.ptr,
	       at.ptr ? at.ptr : "", (int)sqlstate.len, sqlstate.ptr ? sqlstate.ptr : "",
	       sqlstate.ptr && code.ptr ? " " : "", (int)code.len, code.ptr ? code.ptr : "",
	       message.ptr ? ": " : "", (int)message.len, message.ptr ? message.ptr : "");
}

static void jobs_print_schedule(const struct json *row)
{
	struct text command = jobs_member(row, "command"), spec = jobs_member(row, "schedule");
	struct text due = jobs_member(row, "next_due"), last = jobs_member(row, "last_due");
	struct text state = jobs_member(row, "last_state"), job = jobs_member(row, "last_job");
	bool paused = jobs_is_true(row, "paused"); /* by an operator, which holds the schedule */

	printf("%-24.*s  %-24.*s  %.19s%-8s  %-19.19s  %-9.*s  %.*s\n", (int)command.len,
	       command.ptr, (int)spec.len, spec.ptr, due.ptr, paused ? ",paused" : jobs_pause(row),
	       last.ptr ? last.ptr : "never", (int)state.len, state.ptr ? state.ptr : "",
	       (int)job.len, job.ptr ? job.ptr : "");
}

static void jobs_print_head(enum job_action action)
{
	if (action == JOB_ACTION_LIST)
		printf("%-26s  %-17s  %-24s  %-7s  %-19s  %s\n", "ID", "STATE", "COMMAND", "TRIES",
		       "ENDED, OR ACCEPTED", "ERROR");
	else if (action == JOB_ACTION_SCHEDULES)
		printf("%-24s  %-24s  %-27s  %-19s  %-9s  %s\n", "COMMAND", "SCHEDULE",
		       "NEXT DUE (UTC)", "LAST DUE", "STATE", "JOB");
}

static void jobs_print_line(enum job_action action, struct text line)
{
	struct json_error error;
	struct json *json = json_read(line, &error);

	assert(json);
	if (action == JOB_ACTION_LIST)
		jobs_print_row(json);
	else if (action == JOB_ACTION_SCHEDULES)
		jobs_print_schedule(json);
	else
		jobs_print_shown(json);
	json_free(json);
}

static const char *jobs_none(enum job_action action)
{
	if (action == JOB_ACTION_SCHEDULES)
		return "there are no schedules";
	return action == JOB_ACTION_LIST ? "there are no such jobs" : "there is no such job";
}

static bool jobs_print_jobs(const struct job_admin *admin, struct job_ids *ids, bool as_json)
{
	size_t count = json_length(admin->rows);
	struct buf line;

	if (!count && !as_json)
		fprintf(stderr, "%s\n", jobs_none(admin->action));
	else if (!as_json)
		jobs_print_head(admin->action);
	buf_init(&line);
	for (const struct json *row = json_first(admin->rows); row; row = json_next(row)) {
		buf_clear(&line);
		if (admin->action == JOB_ACTION_SCHEDULES)
			job_admin_write_schedule(&line, row, ids);
		else
			job_admin_write_row(&line, row, ids);
		if (as_json)
			printf("%.*s\n", (int)line.len, line.ptr);
		else
			jobs_print_line(admin->action, (struct text){ line.ptr, line.len });
	}
	buf_fini(&line);
	return admin->action != JOB_ACTION_SHOW || count;
}

/* --- changes ---------------------------------------------------------------------------------- */

static void jobs_print_commands(const struct job_admin *admin)
{
	const struct job_action_row *row = job_action_row(admin->action);
	bool others = false;

	if (!json_length(admin->rows))
		fprintf(stderr, "no command is paused\n");
	for (const struct json *it = json_first(admin->rows); it; it = json_next(it)) {
		struct text command = jobs_member(it, "command");
		const char *of = text_is(command, "*") ? "all commands" : command.ptr;
		bool changed = jobs_is_true(it, "changed");

		if (!changed)
			printf("%s %s already\n", of,
			       admin->action == JOB_ACTION_PAUSE ? "was paused" : "went on");
		else if (admin->dry_run)
			printf("would %s %s\n", row->name, of);
		else
			printf("%s %s\n", row->past, of);
		others |= admin->action == JOB_ACTION_RESUME && jobs_is_true(it, "paused");
	}
	if (others)
		fprintf(stderr, "all commands are paused still: cqrsd jobs resume --all\n");
}

static void jobs_print_reasons(const struct job_admin *admin, FILE *out)
{
	char count[JOBS_COUNT_BYTES];

	for (const struct json *it = json_first(admin->rows); it; it = json_next(it)) {
		struct text why = jobs_member(it, "why"), jobs = jobs_member(it, "jobs");
		int64_t number = 0;

		if (!why.ptr)
			continue;
		for (size_t i = 0; i < jobs.len; i++)
			number = number * 10 + (jobs.ptr[i] - '0');
		fprintf(out, "%s refused: %.*s\n", jobs_count(number, count), (int)why.len,
			why.ptr);
	}
}

static bool jobs_print_changes(const struct job_admin *admin)
{
	const struct job_action_row *row = job_action_row(admin->action);
	int64_t wanted = job_admin_wanted(admin);
	char some[JOBS_COUNT_BYTES], all[JOBS_COUNT_BYTES];

	printf("%s%s %s of %s\n", admin->dry_run ? "would " : "",
	       admin->dry_run ? row->name : row->past,
	       jobs_count(admin->dry_run ? wanted : admin->changed, some),
	       jobs_count(admin->matching, all));
	jobs_print_reasons(admin, admin->dry_run ? stdout : stderr);
	if (admin->dry_run)
		return true;
	if (admin->filter.ids_count > admin->matching)
		fprintf(stderr, "%s of %s ids: there is no such %s\n",
			jobs_count(admin->filter.ids_count - admin->matching, some),
			jobs_count(admin->filter.ids_count, all), row->of);
	if (admin->changed < wanted)
		fprintf(stderr, "%s were run, or changed by another, meanwhile\n",
			jobs_count(wanted - admin->changed, some));
	return job_admin_did_all(admin);
}

bool jobs_print(const struct job_admin *admin, struct job_ids *ids, bool json)
{
	bool all = true;
	struct buf line;

	if (!job_action_row(admin->action)->event)
		return jobs_print_jobs(admin, ids, json);
	if (json) {
		buf_init(&line);
		job_admin_write(&line, admin);
		printf("%.*s\n", (int)line.len, line.ptr);
		buf_fini(&line);
		return job_admin_did_all(admin);
	}
	if (job_action_row(admin->action)->is_of_commands)
		jobs_print_commands(admin);
	else
		all = jobs_print_changes(admin);
	return all;
}
