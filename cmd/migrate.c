/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The migrate verb: each file of migrations/ is applied once, in order, in a transaction of its
 * own together with its row in cqrsd.migration. An advisory lock lets several run at once; a
 * checksum notices a file that was changed after it had been applied. Forward only.
 */
#include "base/sign.h"
#include "cmd/ask.h"
#include "cmd/migrations.h"
#include "cmd/start.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

/* Any number will do, as long as every version of cqrsd takes the same: "cqrsd" in ASCII. */
#define MIGRATE_LOCK "426970215268"

/* One block, so that lock, check, change and record are one transaction. */
static const char migrate_block[] =
	"DO $cqrsd_block$ BEGIN\n"
	"PERFORM pg_advisory_xact_lock(" MIGRATE_LOCK ");\n"
	"CREATE SCHEMA IF NOT EXISTS cqrsd;\n"
	"CREATE TABLE IF NOT EXISTS cqrsd.migration (name text PRIMARY KEY,\n"
	" checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());\n"
	"IF EXISTS (SELECT FROM cqrsd.migration WHERE name = '%s' AND checksum <> '%s') THEN\n"
	" RAISE EXCEPTION 'migration %s was changed after it had been applied';\n"
	"END IF;\n"
	"IF NOT EXISTS (SELECT FROM cqrsd.migration WHERE name = '%s') THEN\n"
	" EXECUTE $cqrsd_text$%s$cqrsd_text$;\n"
	" INSERT INTO cqrsd.migration (name, checksum) VALUES ('%s', '%s');\n"
	"END IF;\n"
	"END $cqrsd_block$";

static const char migrate_applied[] =
	"SELECT name FROM cqrsd.migration WHERE to_regclass('cqrsd.migration') IS NOT NULL";

static void migrate_checksum(const char *text, char out[65])
{
	uint8_t digest[32];

	sha256(text, strlen(text), digest);
	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* False: the node could not be asked. A schema that is not there yet holds no migrations. */
static bool migrate_was_applied(struct asker *asker, const struct migration_file *file, bool *was)
{
	struct call call;
	char *row = arena_printf(&asker->arena, "\"%s\"", file->name);

	*was = false;
	switch (asker_ask(asker, CALL_QUERY, migrate_applied, &call)) {
	case CALL_OK:
		*was = memmem(asker->out.ptr, asker->out.len, row, strlen(row)) != NULL;
		return true;
	case CALL_ERROR:
		if (!strcmp(call.error.sqlstate, "42P01") || !strcmp(call.error.sqlstate, "3F000"))
			return true;
		break;
	case CALL_UNSENT:
	case CALL_LOST:
	case CALL_TOO_LARGE:
		break;
	}
	asker_complain(asker, "migrate", &call);
	return false;
}

static bool migrate_apply(struct asker *asker, const struct migration_file *file)
{
	struct call call;
	char checksum[65];
	char *block;

	migrate_checksum(file->text, checksum);
	block = arena_printf(&asker->arena, migrate_block, file->name, checksum, file->name,
			     file->name, file->text, file->name, checksum);
	if (asker_ask(asker, CALL_COMMAND, block, &call) == CALL_OK)
		return true;
	asker_complain(asker, "migrate", &call);
	return false;
}

static bool migrate_all(struct asker *asker, unsigned *applied)
{
	for (size_t i = 0; i < migration_files_count; i++) {
		const struct migration_file *file = &migration_files[i];
		bool was;

		if (!migrate_was_applied(asker, file, &was) || !migrate_apply(asker, file))
			return false;
		if (was)
			continue;
		fprintf(stderr, "cqrsd migrate: applied %s\n", file->name);
		++*applied;
	}
	return true;
}

int migrate_main(int argc, char **argv)
{
	struct options options;
	struct asker asker;
	unsigned applied = 0;
	char error[512];
	bool done;
	int code;

	if (!start_options(&options, VERB_MIGRATE, "migrate", argc, argv, &code))
		return code;
	if (!asker_init(&asker, options.primary, NODE_PRIMARY, error, sizeof(error))) {
		fprintf(stderr, "cqrsd migrate: --primary: %s\n", error);
		return EXIT_USAGE;
	}
	done = migrate_all(&asker, &applied);
	if (done && options.json)
		printf("{\"applied\":%u,\"total\":%zu}\n", applied, migration_files_count);
	else if (done && applied)
		printf("%u of %zu migrations applied\n", applied, migration_files_count);
	else if (done)
		printf("the cqrsd schema is up to date (%zu migrations)\n", migration_files_count);
	asker_fini(&asker);
	return done ? EXIT_DONE : EXIT_FAILED;
}
