/* SPDX-License-Identifier: Apache-2.0 */
/* base/options.def as a table. */
#include "base/option_rows.h"

#include <assert.h>

const struct option_row option_rows[] = {
#define MILLIS(flag, field, def, min, max, verbs, help)                                            \
	{ OPTION_MILLIS, flag, offsetof(struct options, field), def, min, max, NULL, "MS",         \
	  verbs,         help },
#define NUMBER(flag, field, def, min, max, verbs, help)                                            \
	{ OPTION_NUMBER, flag, offsetof(struct options, field), def, min, max, NULL, "N",          \
	  verbs,         help },
#define STRING(flag, field, def, verbs, placeholder, help)                                         \
	{ OPTION_STRING, flag, offsetof(struct options, field), 0, 0, 0, def, placeholder,         \
	  verbs,         help },
#define STRINGS(flag, field, verbs, placeholder, help)                                             \
	{ OPTION_STRINGS, flag, offsetof(struct options, field), 0, 0, 0, NULL, placeholder,       \
	  verbs,          help },
#define POLICIES(flag, field, verbs, placeholder, help)                                            \
	{ OPTION_POLICIES, flag, offsetof(struct options, field), 0, 0, 0, NULL, placeholder,      \
	  verbs,           help },
#define CHOICE(flag, field, def, words, verbs, help)                                               \
	{ OPTION_CHOICE, flag, offsetof(struct options, field), 0, 0, 0, def, words, verbs, help },
#define SWITCH(flag, field, verbs, help)                                                           \
	{ OPTION_SWITCH, flag, offsetof(struct options, field), 0, 0, 0, NULL, NULL, verbs, help },
#include "base/options.def"
#undef MILLIS
#undef NUMBER
#undef STRING
#undef STRINGS
#undef POLICIES
#undef CHOICE
#undef SWITCH
};

const size_t option_rows_count = sizeof(option_rows) / sizeof(option_rows[0]);

static_assert(sizeof(option_rows) / sizeof(option_rows[0]) <= OPTIONS_MAX, "raise OPTIONS_MAX");

const char *verb_name(enum verb verb)
{
	switch (verb) {
	case VERB_SERVE:
		return "serve";
	case VERB_MIGRATE:
		return "migrate";
	case VERB_CHECK:
		return "check";
	case VERB_HEALTH:
		return "health";
	case VERB_VERSION:
		return "version";
	case VERB_KEYS:
		return "keys";
	case VERB_JOBS:
		return "jobs";
	case VERB_OPENAPI:
		return "openapi";
	case VERB_WATCH:
		return "watch";
	}
	assert(!"a verb that is one");
	return "";
}

const struct option_row *option_by_flag(struct text flag)
{
	for (size_t i = 0; i < option_rows_count; i++)
		if (text_is(flag, option_rows[i].flag))
			return &option_rows[i];
	return NULL;
}
