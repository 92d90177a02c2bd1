/* SPDX-License-Identifier: Apache-2.0 */
/* What is no criterion is left to the options, with its value. */
#include "cmd/jobs_line.h"

#include "base/nearest.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *whom, *does;
} jobs_line_help[JOB_ACTIONS] = {
	[JOB_ACTION_LIST] = { "[criteria]", "jobs, in the order of acceptance" },
	[JOB_ACTION_SHOW] = { "ID", "all that is known of one" },
	[JOB_ACTION_REPLAY] = { "ID... | criteria | --all", "dead letters are queued again" },
	[JOB_ACTION_DISCARD] = { "ID... | criteria | --all", "dead letters are given up" },
	[JOB_ACTION_CANCEL] = { "ID... | criteria | --all", "jobs that wait are never run" },
	[JOB_ACTION_PAUSE] = { "COMMAND... | --all", "jobs of commands wait" },
	[JOB_ACTION_RESUME] = { "COMMAND... | --all", "they go on" },
	[JOB_ACTION_SCHEDULES] = { "[COMMAND...]", "what runs by itself, and when next" },
};

static void jobs_line_usage(FILE *out)
{
	for (unsigned i = 0; i < JOB_ACTIONS; i++)
		fprintf(out, "%s cqrsd jobs %-9s %-24s  %s\n",
			i ? "      " : "usage:", job_action_row((enum job_action)i)->name,
			jobs_line_help[i].whom, jobs_line_help[i].does);
	fprintf(out,
		"\nCriteria, all of which have to hold:\n"
		"  --state a,b           scheduled, queued, running, retrying, done, dead,\n"
		"                        discarded or cancelled\n"
		"  --command a,b         of these commands\n"
		"  --user NAME           of this user\n"
		"  --error CODE          whose last error has this code or SQLSTATE\n"
		"  --older-than 24h      ended, or else accepted, longer ago (s, m, h, d)\n"
		"  --newer-than 1h       less long ago\n"
		"  --after ID            accepted behind this one\n"
		"  --limit N             no more than these; a list: %d unless it is said, at most "
		"%d\n"
		"Switches:\n"
		"  --dry-run             says what would be done\n"
		"  --all                 all jobs that can be, or all commands\n"
		"  --json                an object per line\n"
		"Each with --primary CONNINFO. With --catalog DIR (default ./sql, if there is one) "
		"dead\n"
		"letters are replayed only where their command still takes their parameters.\n"
		"cqrsd jobs list --help lists the other options.\n",
		JOB_LIST_DEFAULT, JOB_LIST_MAX);
}

static bool jobs_line_fail(int *code)
{
	*code = EXIT_USAGE;
	return false;
}

static bool jobs_line_action(struct jobs_line *line, const char *name, int *code)
{
	struct nearest nearest;

	line->action = job_action_find(text_of(name));
	if (line->action != JOB_ACTIONS)
		return true;
	nearest_init(&nearest, text_of(name));
	for (unsigned i = 0; i < JOB_ACTIONS; i++)
		nearest_offer(&nearest, text_of(job_action_row((enum job_action)i)->name));
	if (nearest.best.ptr)
		fprintf(stderr, "cqrsd jobs: there is no \"%.40s\"; did you mean \"%s\"?\n", name,
			nearest.best.ptr);
	else
		jobs_line_usage(stderr);
	return jobs_line_fail(code);
}

static const char *jobs_line_name(const struct jobs_line *line)
{
	return job_action_row(line->action)->name;
}

static void jobs_line_add(struct jobs_line *line, struct text name, const char *value)
{
	line->criteria[line->criteria_count++] = (struct jobs_criterion){ name, text_of(value) };
}

/* An option of all verbs, and its value where that stands behind it. */
static int jobs_line_pass(struct jobs_line *line, int left, char **argv)
{
	static const char *const switches[] = { "--json", "--help", "-h" };

	line->rest[line->rest_count++] = argv[0];
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (strcmp(argv[0], switches[i]) == 0)
			return 1;
	if (left < 2 || strchr(argv[0], '=') || argv[1][0] == '-')
		return 1;
	line->rest[line->rest_count++] = argv[1];
	return 2;
}

/* How many words were taken; 0: stderr says what is wrong. */
static int jobs_line_word(struct jobs_line *line, int left, char **argv)
{
	bool commands = job_action_row(line->action)->is_of_commands;
	const char *word = argv[0], *equals = strchr(word, '=');
	struct text name;

	if (word[0] != '-') {
		jobs_line_add(line, commands ? TEXT("command") : TEXT("id"), word);
		return 1;
	}
	if (strcmp(word, "--dry-run") == 0 || strcmp(word, "--all") == 0) {
		*(word[2] == 'd' ? &line->dry_run : &line->all) = true;
		return 1;
	}
	name = text_of(word);
	if (equals)
		name.len = (size_t)(equals - word);
	if (name.len < 3 || word[1] != '-')
		return jobs_line_pass(line, left, argv);
	name = (struct text){ name.ptr + 2, name.len - 2 };
	if (!job_filter_knows(name) || memchr(name.ptr, '_', name.len))
		return jobs_line_pass(line, left, argv);
	if (equals || left > 1) {
		jobs_line_add(line, name, equals ? equals + 1 : argv[1]);
		return equals ? 1 : 2;
	}
	fprintf(stderr, "cqrsd jobs %s: %s wants a value\n", jobs_line_name(line), word);
	return 0;
}

/* Whom it is done to has to be said: nothing is done to all by mistake. */
static bool jobs_line_is_clear(const struct jobs_line *line)
{
	const struct job_action_row *row = job_action_row(line->action);
	bool names = false, narrows = false;

	for (unsigned i = 0; i < line->criteria_count; i++) {
		names |= text_is(line->criteria[i].name, "id");
		narrows |= !text_is(line->criteria[i].name, "limit");
	}
	if (line->action == JOB_ACTION_SHOW && (!names || line->criteria_count != 1))
		fprintf(stderr, "cqrsd jobs show: wants the id of one job\n");
	else if (row->event && !narrows && !line->all)
		fprintf(stderr, "cqrsd jobs %s: say which: %s\n", row->name,
			jobs_line_help[line->action].whom);
	else if (line->all && (names || (row->is_of_commands && narrows)))
		fprintf(stderr, "cqrsd jobs %s: --all, or some by name, not both\n", row->name);
	else if ((line->all || line->dry_run) && !row->event)
		fprintf(stderr, "cqrsd jobs %s: it changes nothing: no --all, no --dry-run\n",
			row->name);
	else
		return true;
	return false;
}

bool jobs_line_read(struct jobs_line *line, int argc, char **argv, int *code)
{
	bool help = false;
	int taken;

	if (argc < 1 || strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0) {
		jobs_line_usage(argc < 1 ? stderr : stdout);
		*code = argc < 1 ? EXIT_USAGE : EXIT_DONE;
		return false;
	}
	*line = (struct jobs_line){ .action = JOB_ACTIONS };
	if (!jobs_line_action(line, argv[0], code))
		return false;
	arena_init(&line->arena);
	line->criteria = arena_zero(&line->arena, (size_t)argc, sizeof(*line->criteria));
	line->rest = arena_zero(&line->arena, (size_t)argc, sizeof(*line->rest));
	for (int i = 1; i < argc; i += taken) {
		help |= strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0;
		taken = jobs_line_word(line, argc - i, argv + i);
		if (!taken)
			return jobs_line_fail(code);
	}
	return help || jobs_line_is_clear(line) || jobs_line_fail(code);
}

void jobs_line_fini(struct jobs_line *line)
{
	arena_fini(&line->arena);
}

bool jobs_line_takes_ids(const struct jobs_line *line)
{
	if (line->action == JOB_ACTION_LIST || line->action == JOB_ACTION_SCHEDULES)
		return true;
	for (unsigned i = 0; i < line->criteria_count; i++)
		if (job_filter_takes_ids(line->criteria[i].name))
			return true;
	return false;
}

bool jobs_line_apply(const struct jobs_line *line, struct job_admin *admin, struct job_ids *ids)
{
	char error[JOB_FILTER_ERROR_BYTES];

	admin->action = line->action;
	admin->dry_run = line->dry_run;
	for (unsigned i = 0; i < line->criteria_count; i++) {
		struct text name = line->criteria[i].name, value = line->criteria[i].value;

		if (!ids && job_filter_takes_ids(name))
			continue;
		if (!job_filter_add(&admin->filter, name, value, ids, error)) {
			fprintf(stderr, "cqrsd jobs %s: %s%s\n", jobs_line_name(line),
				strncmp(error, "id:", 3) ? "--" : "", error);
			return false;
		}
	}
	job_filter_end(&admin->filter);
	if (job_admin_check(admin, error))
		return true;
	fprintf(stderr, "cqrsd jobs %s: %s\n", jobs_line_name(line), error);
	return false;
}
