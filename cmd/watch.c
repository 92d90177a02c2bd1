/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs watch and unwatch: cqrsd watch [TABLE…] [options]. What is done is a function of the
 * schema (cqrsd.watch), in one transaction: all of it or nothing.
 */
#include "base/array.h"
#include "base/json.h"
#include "cmd/ask.h"
#include "cmd/start.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

enum { TEXTOID = 25, TEXTARRAYOID = 1009 };

/* Names are looked up as the role has it; as they are shown, they name their schema. */
static const char watch_text[] =
	"SELECT w.name, w.did FROM cqrsd.watch(ARRAY(SELECT t.name::regclass::oid"
	" FROM unnest($1::text[]) AS t (name)), $2 = 'unwatch', $3 = 'dry') AS w";
static const char watch_list_text[] = "SELECT w.name, w.did FROM cqrsd.watched() AS w";

struct watch_line {
	const char *verb;
	bool off;
	struct options options;
	char **tables; /* [tables_count] */
	int tables_count;
	struct asker asker;
};

static void watch_usage(FILE *out, const struct watch_line *watch)
{
	fprintf(out,
		"usage: cqrsd %s %s [--dry-run] [--json] --primary CONNINFO\n\n"
		"%s\n"
		"cqrsd %s --help lists all options.\n",
		watch->verb, watch->off ? "TABLE…" : "[TABLE…]",
		watch->off ? "Takes the trigger off the tables and what inherits from them."
			   : "Puts a trigger on the tables and each of their partitions, by which "
			     "the feed\nlearns of all writers. Without a table: lists what is "
			     "watched.",
		watch->verb);
}

/* --- what is asked ---------------------------------------------------------------------------- */

static const char *watch_array(const struct watch_line *watch, struct arena *arena)
{
	struct buf array;

	buf_init(&array);
	array_begin(&array);
	for (int i = 0; i < watch->tables_count; i++)
		array_add_text(&array, text_of(watch->tables[i]));
	return array_move(&array, arena);
}

static void watch_complain(const struct watch_line *watch, const struct call *call)
{
	const char *state = call->end == CALL_ERROR ? call->error.sqlstate : "";

	if (strcmp(state, "42883") == 0)
		fprintf(stderr, "cqrsd %s: run cqrsd migrate first\n", watch->verb);
	else if (strcmp(state, "55P03") == 0)
		fprintf(stderr,
			"cqrsd %s: nothing was changed: a table is in use by a transaction that "
			"has run for 3 s or more; the same again when it has ended\n",
			watch->verb);
	else if (strcmp(state, "42P01") == 0)
		asker_complain(&watch->asker, watch->verb, call);
	else
		asker_complain_of_schema(&watch->asker, watch->verb, call,
					 "USAGE ON SCHEMA cqrsd, and own the table");
}

static bool watch_ask(struct watch_line *watch)
{
	static const uint32_t params[] = { TEXTARRAYOID, TEXTOID, TEXTOID };
	static const uint32_t columns[] = { TEXTOID, TEXTOID };
	struct statement statement = { 0 };
	const char *values[] = {
		watch->tables_count ? watch_array(watch, &watch->asker.arena) : NULL,
		watch->verb,
		watch->options.dry_run ? "dry" : "",
	};
	struct call call;
	bool done;

	statement_make_known(
		&statement, watch->verb, watch->tables_count ? watch_text : watch_list_text,
		(struct oids){ params, watch->tables_count ? 3 : 0 }, (struct oids){ columns, 2 });
	call = (struct call){ .kind = watch->tables_count ? CALL_COMMAND : CALL_QUERY,
			      .statement = &statement,
			      .values = values };
	done = asker_call(&watch->asker, &call) == CALL_OK;
	if (!done)
		watch_complain(watch, &call);
	statement_fini(&statement);
	return done;
}

/* --- what is shown ---------------------------------------------------------------------------- */

static void watch_print_row(const struct watch_line *watch, const struct json *row)
{
	struct text source = json_source(row);

	if (watch->options.json)
		printf("%.*s\n", (int)source.len, source.ptr);
	else
		printf("%s: %s%s\n", json_text(json_get(row, "name")).ptr,
		       watch->options.dry_run && watch->tables_count ? "would be: " : "",
		       json_text(json_get(row, "did")).ptr);
}

static bool watch_print(const struct watch_line *watch)
{
	const struct buf *out = &watch->asker.out;
	struct json *rows = json_read_rows((struct text){ out->ptr, out->len });

	if (!rows)
		return false;
	for (const struct json *row = json_first(rows); row; row = json_next(row))
		watch_print_row(watch, row);
	if (!json_length(rows) && !watch->options.json)
		printf("no table is watched\n");
	json_free(rows);
	return fflush(stdout) == 0;
}

static int watch_run(struct watch_line *watch)
{
	char error[512];
	bool done;

	if (!asker_init(&watch->asker, watch->options.primary, NODE_PRIMARY, NULL, error,
			sizeof(error))) {
		fprintf(stderr, "cqrsd %s: --primary: %s\n", watch->verb, error);
		return EXIT_USAGE;
	}
	done = watch_ask(watch) && watch_print(watch);
	asker_fini(&watch->asker);
	return done ? EXIT_DONE : EXIT_FAILED;
}

static int watch_verb(struct watch_line *watch, int argc, char **argv)
{
	int code;

	watch->tables = argv;
	while (watch->tables_count < argc && argv[watch->tables_count][0] != '-')
		watch->tables_count++;
	if (watch->off && !watch->tables_count && argc &&
	    (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0)) {
		watch_usage(stdout, watch);
		return EXIT_DONE;
	}
	if (!start_options(&watch->options, VERB_WATCH, watch->verb, argc - watch->tables_count,
			   argv + watch->tables_count, &code))
		return code;
	if (!watch->off || watch->tables_count)
		return watch_run(watch);
	fprintf(stderr, "cqrsd %s: say which table\n", watch->verb);
	watch_usage(stderr, watch);
	return EXIT_USAGE;
}

int watch_main(int argc, char **argv)
{
	static struct watch_line watch = { .verb = "watch" };

	return watch_verb(&watch, argc, argv);
}

int unwatch_main(int argc, char **argv)
{
	static struct watch_line watch = { .verb = "unwatch", .off = true };

	return watch_verb(&watch, argc, argv);
}
