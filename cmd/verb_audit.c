/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs a verb is known to the kernel by uid; the name beside it is for people. */
#include "cmd/verb_audit.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

void verb_audit_caller(char caller[VERB_CALLER_BYTES])
{
	const struct passwd *user = getpwuid(getuid());

	snprintf(caller, VERB_CALLER_BYTES, "uid:%lu%s%.64s", (unsigned long)getuid(),
		 user ? ":" : "", user ? user->pw_name : "");
}

bool verb_audit_open(struct verb_audit *verb_audit, const char *verb, const struct options *options)
{
	char error[512];

	verb_audit->audit = NULL;
	if (!options->audit_log)
		return true;
	verb_audit->audit = audit_open(options->audit_log, error, sizeof(error));
	if (!verb_audit->audit) {
		fprintf(stderr, "cqrsd %s: --audit-log: %s\n", verb, error);
		return false;
	}
	verb_audit->queue = audit_queue_new(verb_audit->audit);
	audit_start(verb_audit->audit);
	return true;
}

void verb_audit_close(struct verb_audit *verb_audit, struct audit_entry *entry, bool done)
{
	char caller[VERB_CALLER_BYTES];

	if (!verb_audit->audit)
		return;
	verb_audit_caller(caller);
	entry->caller = text_of(caller);
	entry->code = done ? "ok" : "failed";
	(void)!audit_note(verb_audit->queue, entry);
	audit_close(verb_audit->audit);
}
