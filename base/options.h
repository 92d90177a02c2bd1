/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a verb, as base/options_read.h fills them: a field for each row of
 * base/options.def. Durations are in microseconds.
 */
#pragma once

#include "base/limits.h"
#include "base/rate_policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verb {
	VERB_SERVE = 1,
	VERB_MIGRATE = 2,
	VERB_CHECK = 4,
	VERB_HEALTH = 8,
	VERB_VERSION = 16,
	VERB_KEYS = 32,
	VERB_JOBS = 64,
	VERB_WATCH = 128, /* and unwatch */
	VERB_OPENAPI = 256,
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
