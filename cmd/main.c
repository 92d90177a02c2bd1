/* SPDX-License-Identifier: Apache-2.0 */
/* cqrsd VERB [options]: finds the verb. Messages on stderr, results on stdout. */
#include "base/nearest.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

struct verb_row {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
};

static const struct verb_row verbs[] = {
#define VERB(name, main, help) { name, main, help },
#include "cmd/verbs.def"
#undef VERB
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void main_usage(FILE *out)
{
	fprintf(out, "usage: cqrsd VERB [options]      (cqrsd VERB --help lists the options)\n\n");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s  %s\n", verbs[i].name, verbs[i].help);
}

static int main_unknown(const char *name)
{
	struct nearest nearest;

	nearest_init(&nearest, text_of(name));
	for (size_t i = 0; i < VERBS; i++)
		nearest_offer(&nearest, text_of(verbs[i].name));
	if (nearest.best.ptr)
		fprintf(stderr, "cqrsd: there is no verb \"%s\"; did you mean \"%s\"?\n", name,
			nearest.best.ptr);
	else
		fprintf(stderr, "cqrsd: there is no verb \"%s\"; see cqrsd --help\n", name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		main_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		main_usage(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version"))
		return version_main(0, argv);
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (verbs[i].main)
			return verbs[i].main(argc - 2, argv + 2);
		fprintf(stderr, "cqrsd: %s is not available yet\n", argv[1]);
		return EXIT_FAILED;
	}
	return main_unknown(argv[1]);
}
