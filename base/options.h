/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a verb: flag > environment CQRSD_<OPTION> > --config FILE > default. One table,
 * base/options.def. Durations are given in milliseconds and kept in microseconds.
 * CQRSD_<OPTION>_FILE names a file that holds the value of a STRING or STRINGS option, for secrets;
 * a password inside a flag works but is warned about. STRINGS are separated by white space in the
 * environment, POLICIES by semicolons. An empty environment variable counts as absent; CQRSD_PORT…
 * and CQRSD_SERVICE_…, which Kubernetes sets for a service named cqrsd, are none of ours.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/rate_policy.h"

#include <stdbool.h>
#include <stdint.h>

enum verb {
	VERB_SERVE = 1,
	VERB_MIGRATE = 2,
	VERB_CHECK = 4,
	VERB_HEALTH = 8,
	VERB_VERSION = 16,
};

struct option_list {
	const char *items[NODES_MAX];
	size_t count;
};

struct options {
#define MILLIS(flag, field, def, min, max, verbs, help) int64_t field;
#define NUMBER(flag, field, def, min, max, verbs, help) int64_t field;
#define STRING(flag, field, def, verbs, placeholder, help) const char *field;
#define STRINGS(flag, field, verbs, placeholder, help) struct option_list field;
#define POLICIES(flag, field, verbs, placeholder, help) struct rate_policies field;
#define CHOICE(flag, field, def, words, verbs, help) int field;
#define SWITCH(flag, field, verbs, help) bool field;
#include "base/options.def"
#undef MILLIS
#undef NUMBER
#undef STRING
#undef STRINGS
#undef POLICIES
#undef CHOICE
#undef SWITCH
	bool node_cores_guessed;
	bool help; /* -h or --help was given */
};

/*
 * Fills options for the verb from argv (after the verb), environ and the file. False: error holds
 * one line that names the place ("--max-lag-ms", "CQRSD_MAX_LAG_MS", "cqrsd.conf:12") and, for an
 * unknown key, the nearest known one. Values live in the arena. --flag VALUE and --flag=VALUE.
 * A rule across options: pool_conns >= 2 * loops. Environment variables CQRSD_* that are no option
 * are an error too, but for those of other verbs.
 */
bool options_read(struct options *options, enum verb verb, int argc, char **argv,
		  char **environment, struct arena *arena, char *error,
		  size_t error_room) must_check;
/* The warnings that are due, one line each: a password inside a flag. */
void options_warnings(const struct options *options, enum verb verb, int argc, char **argv,
		      struct buf *out);
/* The option lines of the verb's --help. */
void options_help(enum verb verb, struct buf *out);
