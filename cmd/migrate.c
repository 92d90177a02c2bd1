/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The migrate verb: each file of migrations/ is applied once, in order, in a transaction of its
 * own together with its row in cqrsd.migration. An advisory lock lets several run at once; a
 * checksum notices a file that was changed after it had been applied. Forward only.
 *
 * What the schema holds is code of its owners, and migrate may be a superuser: so whose it is comes
 * before anything of it is touched (cmd/schema_trust.h), once before the first question and again
 * in each transaction, with a lock on every table that keeps triggers from being added. Names are
 * looked up in pg_catalog alone, from the first statement of the session on.
 */
#include "base/sign.h"
#include "cmd/ask.h"
#include "cmd/migrations.h"
#include "cmd/schema_trust.h"
#include "cmd/start.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

/* Any number will do, as long as every version of cqrsd takes the same: "cqrsd" in ASCII. */
#define MIGRATE_LOCK "426970215268"

#define MIGRATE_SEARCH_PATH "pg_catalog,pg_temp"

/* The role that connected can be gone back to by whatever is called: RESET ROLE. */
#define MIGRATE_TRUST                                                                              \
	"IF session_user <> current_user THEN RAISE EXCEPTION 'the session is role % but acts as"  \
	" %: connect as the one that is to own the schema', session_user, current_user;\n"         \
	"END IF;\n"                                                                                \
	"wrong := " SCHEMA_TRUST(                                                                  \
		SCHEMA_TRUST_SESSION) ";\n"                                                        \
				      "IF wrong IS NOT NULL THEN RAISE EXCEPTION"                  \
				      " 'nothing is migrated: %, neither % nor a superuser',"      \
				      " wrong, session_user USING ERRCODE = '42501';\n"            \
				      "END IF;\n"

static const char migrate_trust[] =
	"DO $cqrsd_block$ DECLARE wrong text; BEGIN\n" MIGRATE_TRUST "END $cqrsd_block$";

static const char migrate_is_there[] =
	"SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'migration' AND relnamespace = "
	"(SELECT oid FROM pg_namespace WHERE nspname = 'cqrsd'))::text AS there";

/*
 * One block, so that lock, check, change and record are one transaction. Its parts are arguments,
 * since they have percent signs: the check, twice. SHARE UPDATE EXCLUSIVE: as ANALYZE takes it;
 * reads and writes go on.
 */
static const char migrate_block[] =
	"DO $cqrsd_block$ DECLARE wrong text; item record; BEGIN\n"
	"PERFORM pg_advisory_xact_lock(" MIGRATE_LOCK ");\n"
	"IF to_regnamespace('cqrsd') IS NULL THEN CREATE SCHEMA cqrsd; END IF;\n"
	"%s"
	"FOR item IN SELECT c.oid::regclass AS name FROM pg_class AS c\n"
	" WHERE c.relnamespace = 'cqrsd'::regnamespace AND c.relkind IN ('r', 'p')\n"
	" AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') ORDER BY c.oid LOOP\n"
	" EXECUTE 'LOCK TABLE ONLY ' || item.name || ' IN SHARE UPDATE EXCLUSIVE MODE';\n"
	"END LOOP;\n"
	"%s"
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

static const char migrate_applied[] = "SELECT name FROM cqrsd.migration";

/* Of a table that was made just now: given by ALTER DEFAULT PRIVILEGES. */
static const char migrate_readers[] =
	"SELECT string_agg(DISTINCT"
	" CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', ')"
	" AS readers FROM pg_class AS c, LATERAL aclexplode(c.relacl) AS a"
	" WHERE c.relname = 'token_key' AND c.relnamespace ="
	" (SELECT oid FROM pg_namespace WHERE nspname = 'cqrsd')"
	" AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner";

static void migrate_checksum(const char *text, char out[65])
{
	uint8_t digest[32];

	sha256(text, strlen(text), digest);
	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static bool migrate_holds(const struct asker *asker, const char *word)
{
	char *cell = arena_printf((struct arena *)&asker->arena, "\"%s\"", word);

	return memmem(asker->out.ptr, asker->out.len, cell, strlen(cell)) != NULL;
}

static bool migrate_ask(struct asker *asker, enum call_kind kind, const char *text)
{
	struct call call;

	if (asker_ask(asker, kind, text, &call) == CALL_OK)
		return true;
	asker_complain(asker, "migrate", &call);
	return false;
}

/*
 * Is there a table of migrations that may be read? Asked in this order: what comes after the first
 * question is not read, and what was there belongs to a trusted role.
 */
static bool migrate_begin(struct asker *asker, bool *there)
{
	if (!migrate_ask(asker, CALL_QUERY, migrate_is_there))
		return false;
	*there = migrate_holds(asker, "true");
	return migrate_ask(asker, CALL_COMMAND, migrate_trust);
}

static bool migrate_apply(struct asker *asker, const struct migration_file *file)
{
	char checksum[65];
	char *block;

	migrate_checksum(file->text, checksum);
	block = arena_printf(&asker->arena, migrate_block, MIGRATE_TRUST, MIGRATE_TRUST, file->name,
			     checksum, file->name, file->name, file->text, file->name, checksum);
	return migrate_ask(asker, CALL_COMMAND, block);
}

/*
 * A file may begin with the signature of a function that it needs the right to execute. Without
 * it the file is left out, until a role that has it migrates. False: the role could not be asked.
 */
static bool migrate_may(struct asker *asker, const struct migration_file *file, bool *may)
{
	static const char needs[] = "-- needs: ";
	const char *need = file->text + sizeof(needs) - 1;
	int len = (int)strcspn(file->text, "\n") - (int)(sizeof(needs) - 1);

	*may = true;
	if (strncmp(file->text, needs, sizeof(needs) - 1) != 0)
		return true;
	if (!migrate_ask(asker, CALL_QUERY,
			 arena_printf(&asker->arena,
				      "SELECT has_function_privilege('%.*s', 'EXECUTE')::text"
				      " AS may",
				      len, need)))
		return false;
	*may = migrate_holds(asker, "true");
	if (!*may)
		fprintf(stderr,
			"cqrsd migrate: left out %s: the role may not execute %.*s; a role that "
			"may can add it later, and cqrsd runs without it (see cqrsd check)\n",
			file->name, len, need);
	return true;
}

struct migrate_counts {
	unsigned applied, left_out;
};

static bool migrate_all(struct asker *asker, struct migrate_counts *counts)
{
	bool there;

	if (!migrate_begin(asker, &there))
		return false;
	for (size_t i = 0; i < migration_files_count; i++) {
		const struct migration_file *file = &migration_files[i];
		bool was = false, may = true;

		if (there && !migrate_ask(asker, CALL_QUERY, migrate_applied))
			return false;
		was = there && migrate_holds(asker, file->name);
		if (!was && !migrate_may(asker, file, &may))
			return false;
		if (!may) {
			counts->left_out++;
			continue;
		}
		if (!migrate_apply(asker, file))
			return false;
		if (was)
			continue;
		fprintf(stderr, "cqrsd migrate: applied %s\n", file->name);
		counts->applied++;
	}
	return true;
}

/* A role that reads the key can make tokens: a new key is the moment to show which roles may. */
static void migrate_tell_readers(struct asker *asker)
{
	static const char before[] = "{\"readers\":\"";
	const struct buf *out = &asker->out;

	if (!migrate_ask(asker, CALL_QUERY, migrate_readers) || out->len < sizeof(before) ||
	    memcmp(out->ptr, before, sizeof(before) - 1) != 0)
		return;
	fprintf(stderr,
		"cqrsd migrate: warning: default privileges let others read cqrsd.token_key, with "
		"which tokens can be forged: %.*s\n",
		(int)(out->len - sizeof(before) - 1), out->ptr + sizeof(before) - 1);
}

int migrate_main(int argc, char **argv)
{
	struct options options;
	struct asker asker;
	struct migrate_counts counts = { 0 };
	char error[512];
	bool done;
	int code;

	if (!start_options(&options, VERB_MIGRATE, "migrate", argc, argv, &code))
		return code;
	if (!asker_init(&asker, options.primary, NODE_PRIMARY, MIGRATE_SEARCH_PATH, error,
			sizeof(error))) {
		fprintf(stderr, "cqrsd migrate: --primary: %s\n", error);
		return EXIT_USAGE;
	}
	done = migrate_all(&asker, &counts);
	if (done && counts.applied + counts.left_out == migration_files_count)
		migrate_tell_readers(&asker);
	if (done && options.json)
		printf("{\"applied\":%u,\"total\":%zu}\n", counts.applied, migration_files_count);
	else if (done && counts.applied)
		printf("%u of %zu migrations applied\n", counts.applied, migration_files_count);
	else if (done)
		printf("the cqrsd schema is up to date (%zu migrations)\n", migration_files_count);
	asker_fini(&asker);
	return done ? EXIT_DONE : EXIT_FAILED;
}
