/* SPDX-License-Identifier: Apache-2.0 */
/* Options, help, log: the same for every verb. */
#include "cmd/start.h"

#include "base/log.h"
#include "base/options_help.h"
#include "base/options_read.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <unistd.h>

static struct arena start_arena; /* values of options, until the process ends */

static void start_help(enum verb verb, const char *name)
{
	struct buf text;

	buf_init(&text);
	options_help(verb, &text);
	printf("usage: cqrsd %s [options]\n\n%.*s\n"
	       "Each option may come from the environment (CQRSD_MAX_LAG_MS) or from the file\n"
	       "of --config (max-lag-ms = 500): flag before environment before file.\n",
	       name, (int)text.len, text.ptr);
	buf_fini(&text);
}

bool start_options(struct options *options, enum verb verb, const char *name, int argc, char **argv,
		   int *code)
{
	char error[512];
	struct buf warnings;

	if (!options_read(options, verb, argc, argv, environ, &start_arena, error, sizeof(error))) {
		fprintf(stderr, "cqrsd %s: %s\n", name, error);
		*code = EXIT_USAGE;
		return false;
	}
	if (options->help) {
		start_help(verb, name);
		*code = EXIT_DONE;
		return false;
	}
	log_setup((enum log_level)options->log_level, (enum log_format)options->log_format);
	buf_init(&warnings);
	options_warnings(options, verb, argc, argv, &warnings);
	fprintf(stderr, "%.*s", (int)warnings.len, warnings.ptr ? warnings.ptr : "");
	buf_fini(&warnings);
	return true;
}

const struct options *start_options_again(enum verb verb, const char *name, int argc, char **argv)
{
	struct options *options = arena_zero(&start_arena, 1, sizeof(*options));
	char error[512];

	if (!options_read(options, verb, argc, argv, environ, &start_arena, error, sizeof(error))) {
		log_error(name, "%s", error);
		return NULL;
	}
	return options;
}
