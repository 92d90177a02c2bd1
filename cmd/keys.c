/* SPDX-License-Identifier: Apache-2.0 */
/* The keys verb: cqrsd keys ACTION [ID] [options]. The key itself goes to stdout, and only once. */
#include "base/clock.h"
#include "base/duration.h"
#include "base/nearest.h"
#include "base/random.h"
#include "cmd/keys_database.h"
#include "cmd/keys_file.h"
#include "cmd/keys_print.h"
#include "cmd/start.h"
#include "cmd/verb_audit.h"
#include "cmd/verbs.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct keys_action {
	const char *name;
	bool wants_id;
	bool makes_key;
	bool (*run)(const struct keys_place *place, struct keys_work *work);
	bool (*print)(const struct keys_work *work);
	const char *help;
};

static bool keys_run_create(const struct keys_place *place, struct keys_work *work)
{
	return place->create(work);
}

static bool keys_run_list(const struct keys_place *place, struct keys_work *work)
{
	return place->list(work);
}

static bool keys_run_rotate(const struct keys_place *place, struct keys_work *work)
{
	return place->rotate(work);
}

static bool keys_run_revoke(const struct keys_place *place, struct keys_work *work)
{
	return place->revoke(work);
}

static const struct keys_action keys_actions[] = {
	{ "create", false, true, keys_run_create, keys_print_made,
	  "--name NAME [--roles A,B] [--acts-for any|self|none] [--expires 90d]" },
	{ "list", false, false, keys_run_list, keys_print_list, "" },
	{ "rotate", true, true, keys_run_rotate, keys_print_made,
	  "ID [--overlap 24h] [--expires 90d]" },
	{ "revoke", true, false, keys_run_revoke, keys_print_revoked, "ID" },
};

#define ACTIONS (sizeof(keys_actions) / sizeof(keys_actions[0]))

/* --- the command line ------------------------------------------------------------------------ */

static void keys_usage(FILE *out)
{
	for (size_t i = 0; i < ACTIONS; i++)
		fprintf(out, "%s cqrsd keys %-6s %s\n",
			i ? "      " : "usage:", keys_actions[i].name, keys_actions[i].help);
	fprintf(out, "\nEach with --primary CONNINFO, or with --file FILE for the keys of a "
		     "--keys-file.\n"
		     "cqrsd keys create --help lists all options.\n");
}

static const struct keys_action *keys_action(const char *name)
{
	struct nearest nearest;

	nearest_init(&nearest, text_of(name));
	for (size_t i = 0; i < ACTIONS; i++) {
		if (strcmp(name, keys_actions[i].name) == 0)
			return &keys_actions[i];
		nearest_offer(&nearest, text_of(keys_actions[i].name));
	}
	if (nearest.best.ptr)
		fprintf(stderr, "cqrsd keys: there is no \"%.40s\"; did you mean \"%s\"?\n", name,
			nearest.best.ptr);
	else
		keys_usage(stderr);
	return NULL;
}

static bool keys_read_duration(const char *flag, const char *text, int64_t min_s, int64_t *seconds)
{
	if (duration_read(text_of(text), seconds) && *seconds >= min_s)
		return true;
	fprintf(stderr,
		"cqrsd keys: %s: \"%.40s\" is no duration: a whole number and s, m, h or d, %s "
		"to 100 years\n",
		flag, text, min_s ? "1s" : "0s");
	return false;
}

static bool keys_read_name(struct keys_work *work)
{
	struct text name = text_of(work->options->key_name);

	if (name.ptr && api_key_name_is_good(name)) {
		work->made.name = name;
		return true;
	}
	if (name.ptr)
		fprintf(stderr, "cqrsd keys create: --name: \"%.80s\": ", name.ptr);
	else
		fprintf(stderr, "cqrsd keys create: --name is required: ");
	fprintf(stderr, "1 to %d letters, digits and . _ - @ : / +\n", KEY_NAME_BYTES_MAX);
	return false;
}

/* What would be ignored is refused. */
static bool keys_is_of_create(const struct keys_action *action, const char *flag, const char *value)
{
	if (!value)
		return true;
	fprintf(stderr, "cqrsd keys %s: --%s: is of create\n", action->name, flag);
	return false;
}

/* What create needs beyond what all actions read. */
static bool keys_read_made(struct keys_work *work)
{
	static const enum acts_for acts_for[] = { ACTS_FOR_NONE, ACTS_FOR_SELF, ACTS_FOR_ANY };
	const char *roles = work->options->key_roles;
	char wrong[API_KEY_WRONG_BYTES];

	if (!keys_read_name(work))
		return false;
	work->made.acts_for = acts_for[work->options->key_acts_for];
	work->made.created_s = work->now_s;
	if (work->expires_s >= 0)
		work->made.expires_s = work->now_s + work->expires_s;
	if (api_key_read_roles(text_of(roles ? roles : ""), &work->arena, &work->made, wrong))
		return true;
	fprintf(stderr, "cqrsd keys create: --roles: %s\n", wrong);
	return false;
}

static bool keys_read_id(struct keys_work *work, const struct keys_action *action)
{
	if (!action->wants_id)
		return true;
	if (key_text_is_meant(text_of(work->id))) {
		fprintf(stderr,
			"cqrsd keys %s: wants the id of the key, which is between the first two "
			"underscores, not the key itself: it may be in your shell's history now\n",
			action->name);
		return false;
	}
	if (key_id_is_good(text_of(work->id)))
		return true;
	fprintf(stderr, "cqrsd keys %s: \"%.40s\" is no id of a key; cqrsd keys list shows them\n",
		action->name, work->id);
	return false;
}

static void keys_make(struct keys_work *work)
{
	uint8_t random[32];
	char id[KEY_ID_BYTES + 1];
	struct key_text read;
	uint64_t bits;
	bool good;

	random_bytes(&bits, sizeof(bits));
	random_bytes(random, sizeof(random));
	key_id_make(bits, id);
	work->made.id = arena_text(&work->arena, text_of(id));
	key_text_make(work->made.id, random, work->text);
	explicit_bzero(random, sizeof(random));
	good = key_text_read(text_of(work->text), &read);
	assert(good);
	sha256(read.secret.ptr, read.secret.len, work->made.hash);
}

static bool keys_read(struct keys_work *work, const struct keys_action *action)
{
	const struct options *options = work->options;

	work->now_s = clock_wall_us() / US_PER_S;
	work->expires_s = -1;
	if (options->key_expires &&
	    !keys_read_duration("--expires", options->key_expires, 1, &work->expires_s))
		return false;
	if (!keys_read_duration("--overlap", options->key_overlap, 0, &work->overlap_s) ||
	    !keys_read_id(work, action))
		return false;
	if (action->makes_key)
		keys_make(work);
	if (action->makes_key && !action->wants_id)
		return keys_read_made(work);
	return keys_is_of_create(action, "name", options->key_name) &&
	       keys_is_of_create(action, "roles", options->key_roles);
}

static void keys_note(struct verb_audit *audit, const struct keys_action *action,
		      const struct keys_work *work, bool done)
{
	struct audit_entry entry = { .event = NULL };
	char event[32];

	snprintf(event, sizeof(event), "keys-%s", action->name);
	entry.event = event;
	if (work->id[0])
		entry.key = text_of(work->id);
	if (done && work->made.id.len)
		entry.new_key = work->made.id;
	verb_audit_close(audit, &entry, done);
}

int keys_main(int argc, char **argv)
{
	const struct keys_action *action;
	struct options options;
	struct keys_work work = { .options = &options };
	struct verb_audit audit = { .audit = NULL };
	bool done;
	int code, words = 1;

	if (argc < 1 || strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0) {
		keys_usage(argc < 1 ? stderr : stdout);
		return argc < 1 ? EXIT_USAGE : EXIT_DONE;
	}
	action = keys_action(argv[0]);
	if (!action)
		return EXIT_USAGE;
	work.id = "";
	if (action->wants_id && argc > 1 && strncmp(argv[1], "-", 1) != 0)
		work.id = argv[words++];
	if (!start_options(&options, VERB_KEYS, "keys", argc - words, argv + words, &code))
		return code;
	arena_init(&work.arena);
	buf_init(&work.lines);
	if (!keys_read(&work, action))
		return EXIT_USAGE;
	if ((action->makes_key || action->wants_id) && !verb_audit_open(&audit, "keys", &options))
		return EXIT_FAILED;
	done = action->run(options.key_file ? &keys_file : &keys_database, &work);
	keys_note(&audit, action, &work, done);
	done = done && action->print(&work);
	explicit_bzero(work.text, sizeof(work.text));
	buf_fini(&work.lines);
	arena_fini(&work.arena);
	return done ? EXIT_DONE : EXIT_FAILED;
}
