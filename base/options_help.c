/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed about options: the lines of --help, warnings about flags that show secrets. */
#include "base/options_help.h"

#include "base/option_rows.h"

#include <string.h>

#define HELP_COLUMN 34

static void help_default(const struct option_row *row, struct buf *out)
{
	switch (row->kind) {
	case OPTION_MILLIS:
	case OPTION_NUMBER:
		/* Those that are worked out say so themselves. */
		if (row->number >= 0)
			buf_printf(out, " [%lld]", (long long)row->number);
		return;
	case OPTION_STRING:
	case OPTION_CHOICE:
		if (row->string)
			buf_printf(out, " [%s]", row->string);
		return;
	case OPTION_STRINGS:
	case OPTION_POLICIES:
	case OPTION_SWITCH:
		return;
	}
}

static void help_line(const struct option_row *row, struct buf *out)
{
	size_t start = out->len;

	buf_printf(out, "  --%s", row->flag);
	if (row->words)
		buf_printf(out, " %s", row->words);
	do
		buf_byte(out, ' ');
	while (out->len - start < HELP_COLUMN);
	buf_string(out, row->help);
	help_default(row, out);
	buf_byte(out, '\n');
}

void options_help(enum verb verb, struct buf *out)
{
	for (size_t i = 0; i < option_rows_count; i++)
		if (option_rows[i].verbs & verb)
			help_line(&option_rows[i], out);
	buf_printf(out, "  -h, --help%*sThis list\n", HELP_COLUMN - 12, "");
}

/* Does a connection string hold a password? As a keyword, in a URI's user part, or in its query. */
static bool holds_password(const char *value)
{
	const char *authority = strstr(value, "://");

	for (const char *at = strstr(value, "password"); at; at = strstr(at + 1, "password")) {
		/* passfile and sslpassword are other keywords; the latter is a secret as well. */
		const char *after = at + strlen("password");

		if (after[strspn(after, " ")] == '=')
			return true;
	}
	if (authority) {
		size_t len = strcspn(authority + 3, "/?#");
		const char *at = memrchr(authority + 3, '@', len);

		if (at && memchr(authority + 3, ':', (size_t)(at - authority - 3)))
			return true;
	}
	return false;
}

void options_warnings(const struct options *options, enum verb verb, int argc, char **argv,
		      struct buf *out)
{
	(void)options;
	for (int i = 0; i < argc; i++) {
		const char *flag = argv[i] + 2, *equals;
		const struct option_row *row;
		const char *value;

		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		equals = strchrnul(flag, '=');
		row = option_by_flag((struct text){ flag, (size_t)(equals - flag) });
		value = *equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : "";
		if (!row || !(row->verbs & verb) || !row->words ||
		    strcmp(row->words, "CONNINFO") != 0 || !holds_password(value))
			continue;
		buf_printf(
			out,
			"cqrsd %s: warning: --%s holds a password that others on this machine can "
			"see; use the environment, a file or libpq's password file\n",
			verb_name(verb), row->flag);
	}
}
