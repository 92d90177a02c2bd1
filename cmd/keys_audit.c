/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs a verb is known to the kernel by uid; the name beside it is for people. */
#include "cmd/keys_audit.h"

#include "base/audit.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

bool keys_audit_open(struct keys_audit *keys_audit, const struct options *options)
{
	char error[512];

	keys_audit->audit = NULL;
	if (!options->audit_log)
		return true;
	keys_audit->audit = audit_open(options->audit_log, error, sizeof(error));
	if (!keys_audit->audit) {
		fprintf(stderr, "cqrsd keys: --audit-log: %s\n", error);
		return false;
	}
	keys_audit->queue = audit_queue_new(keys_audit->audit);
	audit_start(keys_audit->audit);
	return true;
}

void keys_audit_close(struct keys_audit *keys_audit, const char *action,
		      const struct keys_work *work, bool done)
{
	const struct passwd *user = getpwuid(getuid());
	struct audit_entry entry = { .code = done ? "ok" : "failed" };
	char event[32], caller[96];

	if (!keys_audit->audit)
		return;
	snprintf(event, sizeof(event), "keys-%s", action);
	snprintf(caller, sizeof(caller), "uid:%lu%s%.64s", (unsigned long)getuid(), user ? ":" : "",
		 user ? user->pw_name : "");
	entry.event = event;
	entry.caller = text_of(caller);
	if (work->id && work->id[0])
		entry.key = text_of(work->id);
	if (done && work->made.id.len)
		entry.new_key = work->made.id;
	(void)!audit_note(keys_audit->queue, &entry);
	audit_close(keys_audit->audit);
}
