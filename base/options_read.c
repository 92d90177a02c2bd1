/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads options by base/options.def. Each value is checked where it stands, even when one from a
 * stronger source wins: a mistake that waits for its day is still a mistake.
 */
#include "base/options_read.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/nearest.h"
#include "base/option_rows.h"
#include "base/option_values.h"

#include <assert.h>
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "CQRSD_"
#define FILE_SUFFIX "_FILE"
#define ENV_NAME_MAX 64
#define BLANKS " \t\r\n"

/* Where a value came from: the greater wins. */
enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAG };

struct reading {
	struct options *options;
	enum verb verb;
	struct arena *arena;
	enum source from[OPTIONS_MAX];
	char *error;
	size_t error_room;
};

static void options_defaults(struct options *options);
static bool read_flags(struct reading *reading, int argc, char **argv);
static bool read_environment(struct reading *reading, char **environment);
static bool read_file(struct reading *reading);
static bool options_derive(struct reading *reading);

bool options_read(struct options *options, enum verb verb, int argc, char **argv,
		  char **environment, struct arena *arena, char *error, size_t error_room)
{
	struct reading reading = { .options = options,
				   .verb = verb,
				   .arena = arena,
				   .error = error,
				   .error_room = error_room };

	assert(error_room > 0);
	options_defaults(options);
	if (!read_flags(&reading, argc, argv))
		return false;
	/* --help is answered, whatever else is wrong. */
	return options->help || (read_environment(&reading, environment) && read_file(&reading) &&
				 options_derive(&reading));
}

/* One line that names the place; always false. */
static bool printf_like(2, 3) wrong(struct reading *reading, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reading->error, reading->error_room, format, args);
	va_end(args);
	return false;
}

/* --- values ---------------------------------------------------------------------------------- */

static void *option_field(struct options *options, const struct option_row *row)
{
	return (char *)options + row->field;
}

/* Checks the value, and keeps it unless a stronger source has spoken. */
static bool set_value(struct reading *reading, const struct option_row *row, const char *value,
		      const char *place, enum source source)
{
	enum source *from = &reading->from[row - option_rows];
	union option_value unused = { 0 };
	bool keep = source >= *from;
	void *field = keep ? option_field(reading->options, row) : &unused;

	if (row->kind == OPTION_STRINGS && source > *from)
		((struct option_list *)field)->count = 0;
	if (row->kind == OPTION_POLICIES && source > *from)
		((struct rate_policies *)field)->count = 0;
	if (keep)
		*from = source;
	return option_set(row, value, place, field, reading->arena, reading->error,
			  reading->error_room);
}

/* --- flags ----------------------------------------------------------------------------------- */

static bool unknown_flag(struct reading *reading, struct text flag)
{
	struct nearest nearest;

	nearest_init(&nearest, flag);
	for (size_t i = 0; i < option_rows_count; i++)
		if (option_rows[i].verbs & reading->verb)
			nearest_offer(&nearest, text_of(option_rows[i].flag));
	if (nearest.best.ptr)
		return wrong(reading, "--%.*s: no such option; did you mean --%s?",
			     (int)(flag.len < 80 ? flag.len : 80), flag.ptr, nearest.best.ptr);
	return wrong(reading, "--%.*s: no such option of %s; -h lists them",
		     (int)(flag.len < 80 ? flag.len : 80), flag.ptr, verb_name(reading->verb));
}

/* Reads the flag at argv[*at], and its value; moves *at to the last word used. */
static bool read_flag(struct reading *reading, int argc, char **argv, int *at)
{
	const char *word = argv[*at] + 2, *value = NULL;
	size_t len = strcspn(word, "=");
	struct text flag = { word, len };
	const struct option_row *row = option_by_flag(flag);
	char place[ENV_NAME_MAX];

	if (!row)
		return unknown_flag(reading, flag);
	snprintf(place, sizeof(place), "--%s", row->flag);
	if (!(row->verbs & reading->verb))
		return wrong(reading, "%s: not an option of %s", place, verb_name(reading->verb));
	if (word[len] == '=')
		value = word + len + 1;
	else if (row->kind == OPTION_SWITCH)
		value = "true";
	/* A word that looks like a flag is one, lest a forgotten value swallows it. */
	else if (*at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0)
		value = argv[++*at];
	if (!value)
		return wrong(reading, "%s: wants a value (%s)", place, row->words);
	return set_value(reading, row, value, place, SOURCE_FLAG);
}

static bool read_flags(struct reading *reading, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			reading->options->help = true;
			return true;
		}
	}
	for (int i = 0; i < argc; i++) {
		/* What may be the rest of an unquoted connection string is not shown. */
		if (strncmp(argv[i], "--", 2) != 0)
			return wrong(reading, "\"%.*s\": wants options only; -h lists them",
				     (int)strcspn(argv[i], "=:@"), argv[i]);
		if (!read_flag(reading, argc, argv, &i))
			return false;
	}
	return true;
}

/* --- the environment ------------------------------------------------------------------------- */

/* CQRSD_MAX_LAG_MS for max-lag-ms. */
static void environment_name(const struct option_row *row, char out[ENV_NAME_MAX])
{
	int len = snprintf(out, ENV_NAME_MAX, PREFIX "%s", row->flag);

	assert(len < ENV_NAME_MAX);
	for (char *at = out; *at; at++)
		*at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}

static bool option_is_string(const struct option_row *row)
{
	return row->kind == OPTION_STRING || row->kind == OPTION_STRINGS;
}

static bool option_is_repeatable(const struct option_row *row)
{
	return row->kind == OPTION_STRINGS || row->kind == OPTION_POLICIES;
}

/* The option that a variable speaks of, and whether it names a file that holds the value. */
static const struct option_row *environment_find(struct text name, bool *in_file)
{
	for (size_t i = 0; i < option_rows_count; i++) {
		const struct option_row *row = &option_rows[i];
		char own[ENV_NAME_MAX];
		size_t len;

		environment_name(row, own);
		len = strlen(own);
		*in_file = option_is_string(row) && name.len == len + strlen(FILE_SUFFIX) &&
			   memcmp(name.ptr, own, len) == 0 &&
			   memcmp(name.ptr + len, FILE_SUFFIX, strlen(FILE_SUFFIX)) == 0;
		if (*in_file || text_is(name, own))
			return row;
	}
	return NULL;
}

static bool unknown_variable(struct reading *reading, struct text name)
{
	struct nearest nearest;
	char flag[ENV_NAME_MAX], best[ENV_NAME_MAX];
	size_t len = name.len - strlen(PREFIX);

	if (len >= sizeof(flag))
		len = sizeof(flag) - 1;
	for (size_t i = 0; i < len; i++) {
		char letter = name.ptr[strlen(PREFIX) + i];

		flag[i] = letter == '_' ? '-' : (char)tolower((unsigned char)letter);
	}
	nearest_init(&nearest, (struct text){ flag, len });
	for (size_t i = 0; i < option_rows_count; i++)
		nearest_offer(&nearest, text_of(option_rows[i].flag));
	if (!nearest.best.ptr)
		return wrong(reading, "%.*s: no such option", (int)(name.len < 80 ? name.len : 80),
			     name.ptr);
	environment_name(option_by_flag(nearest.best), best);
	return wrong(reading, "%.*s: no such option; did you mean %s?",
		     (int)(name.len < 80 ? name.len : 80), name.ptr, best);
}

/* Kubernetes sets these for a service named cqrsd. */
static bool variable_is_foreign(struct text name)
{
	static const struct text foreign[] = { { PREFIX "PORT", 10 }, { PREFIX "SERVICE_", 14 } };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (name.len >= foreign[i].len &&
		    memcmp(name.ptr, foreign[i].ptr, foreign[i].len) == 0)
			return true;
	return false;
}

/* Several values, separated by white space. */
static bool set_words(struct reading *reading, const struct option_row *row, char *value,
		      const char *place)
{
	bool several = value[strcspn(value, BLANKS)] != '\0';
	char *rest = value, *word;

	while ((word = strsep(&rest, BLANKS))) {
		if (!*word)
			continue;
		/* What belongs to one connection string would become several nodes. */
		if (several && strcmp(row->words, "CONNINFO") == 0 && !strstr(word, "://"))
			return wrong(reading,
				     "%s: white space separates values, and not all of them "
				     "are URIs (postgresql://…)",
				     place);
		if (!set_value(reading, row, word, place, SOURCE_ENVIRONMENT))
			return false;
	}
	return true;
}

/* Several policies, separated by semicolons. */
static bool set_policies(struct reading *reading, const struct option_row *row, char *value,
			 const char *place)
{
	char *rest = value, *policy;

	while ((policy = strsep(&rest, ";")))
		if (policy[strspn(policy, BLANKS)] &&
		    !set_value(reading, row, policy, place, SOURCE_ENVIRONMENT))
			return false;
	return true;
}

static bool read_variable(struct reading *reading, struct text name, const char *text)
{
	bool in_file;
	const struct option_row *row;
	char place[ENV_NAME_MAX + sizeof(FILE_SUFFIX)], reason[256], *value;
	size_t len;

	row = environment_find(name, &in_file);
	if (!row)
		return variable_is_foreign(name) || unknown_variable(reading, name);
	if (!(row->verbs & reading->verb) || !*text)
		return true;
	snprintf(place, sizeof(place), "%.*s", (int)name.len, name.ptr);
	if (reading->from[row - option_rows] == SOURCE_ENVIRONMENT)
		return wrong(reading, "%s: given twice, once by a file", place);
	value = in_file ? config_slurp(text, reading->arena, reason, sizeof(reason))
			: arena_copy(reading->arena, text, strlen(text));
	if (!value)
		return wrong(reading, "%s: %s", place, reason);
	value += strspn(value, BLANKS);
	for (len = strlen(value); len && strchr(BLANKS, value[len - 1]); len--)
		value[len - 1] = '\0';
	if (row->kind == OPTION_POLICIES)
		return set_policies(reading, row, value, place);
	if (row->kind == OPTION_STRINGS)
		return set_words(reading, row, value, place);
	return set_value(reading, row, value, place, SOURCE_ENVIRONMENT);
}

static bool read_environment(struct reading *reading, char **environment)
{
	for (char **at = environment; *at; at++) {
		size_t len = strcspn(*at, "=");

		if (strncmp(*at, PREFIX, strlen(PREFIX)) != 0 || !(*at)[len])
			continue;
		if (!read_variable(reading, (struct text){ *at, len }, *at + len + 1))
			return false;
	}
	return true;
}

/* --- the file -------------------------------------------------------------------------------- */

/* A file serves all verbs: keys of other verbs are known, and ignored here. */
static bool read_pair(struct reading *reading, const char *key, const char *value,
		      const char *place, bool seen[OPTIONS_MAX])
{
	const struct option_row *row = option_by_flag(text_of(key));
	struct nearest nearest;

	if (!row) {
		nearest_init(&nearest, text_of(key));
		for (size_t i = 0; i < option_rows_count; i++)
			nearest_offer(&nearest, text_of(option_rows[i].flag));
		if (nearest.best.ptr)
			return wrong(reading, "%s: no option \"%.80s\"; did you mean \"%s\"?",
				     place, key, nearest.best.ptr);
		return wrong(reading, "%s: no option \"%.80s\"", place, key);
	}
	if (text_is(TEXT("config"), row->flag))
		return wrong(reading, "%s: a file cannot name another one", place);
	if (seen[row - option_rows] && !option_is_repeatable(row))
		return wrong(reading, "%s: \"%s\" is given twice", place, row->flag);
	seen[row - option_rows] = true;
	if (!(row->verbs & reading->verb))
		return true;
	place = arena_printf(reading->arena, "%s: %s", place, row->flag);
	return set_value(reading, row, value, place, SOURCE_FILE);
}

static bool read_file(struct reading *reading)
{
	const char *path = reading->options->config;
	bool seen[OPTIONS_MAX] = { false };
	struct config config;
	char *key, *value, *place, reason[512];

	if (!path)
		return true;
	if (!config_open(&config, path, reading->arena, reason, sizeof(reason)))
		return wrong(reading, "--config: %s", reason);
	for (;;) {
		switch (config_next(&config, &key, &value, reason, sizeof(reason))) {
		case CONFIG_END:
			return true;
		case CONFIG_WRONG:
			return wrong(reading, "%s", reason);
		case CONFIG_PAIR:
			place = arena_printf(reading->arena, "%s:%u", path, config.line);
			if (!read_pair(reading, key, value, place, seen))
				return false;
		}
	}
}

/* --- what is worked out ---------------------------------------------------------------------- */

static void options_defaults(struct options *options)
{
	memset(options, 0, sizeof(*options));
	for (size_t i = 0; i < option_rows_count; i++) {
		const struct option_row *row = &option_rows[i];
		void *field = option_field(options, row);

		switch (row->kind) {
		case OPTION_MILLIS:
			*(int64_t *)field = row->number * US_PER_MS;
			break;
		case OPTION_NUMBER:
			*(int64_t *)field = row->number;
			break;
		case OPTION_STRING:
			*(const char **)field = row->string;
			break;
		case OPTION_CHOICE:
			*(int *)field = option_choice(row->words, row->string, NULL);
			break;
		case OPTION_STRINGS:
		case OPTION_POLICIES:
		case OPTION_SWITCH:
			break;
		}
	}
}

/* The processors this process may run on: fewer than the machine has, in many a container. */
static int64_t processors(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return 1;
	return CPU_COUNT(&allowed);
}

static bool options_derive(struct reading *reading)
{
	struct options *options = reading->options;
	int64_t cores = processors();

	if (!options->primary && option_by_flag(TEXT("primary"))->verbs & reading->verb &&
	    !options->offline && !options->key_file)
		return wrong(reading,
			     "--primary: required (or CQRSD_PRIMARY, or a line of --config)");
	if (!options->listens.count)
		options->listens.items[options->listens.count++] = "127.0.0.1:8080";
	if (options->loops < 0)
		options->loops = cores > LOOPS_MAX ? LOOPS_MAX : cores;
	options->node_cores_guessed = options->node_cores < 0;
	if (options->node_cores < 0)
		options->node_cores = cores;
	if (options->pool_conns < 0) {
		options->pool_conns = 2 * cores + 1;
		/* More loops than cores were asked for: each still needs its two. */
		if (options->pool_conns < 2 * options->loops)
			options->pool_conns = 2 * options->loops + 1;
		if (options->pool_conns > 1024)
			options->pool_conns = 1024;
	}
	if (options->stream_conns < 0)
		options->stream_conns = 1 + options->pool_conns / 4;
	if (reading->verb == VERB_SERVE && options->pool_conns < 2 * options->loops)
		return wrong(reading,
			     "--pool-conns: %lld is too few for %lld loops (at least 2 for each)",
			     (long long)options->pool_conns, (long long)options->loops);
	return true;
}
