/* SPDX-License-Identifier: Apache-2.0 */
/* What a verb changes, in the audit log: who on this machine changed what. */
#pragma once

#include "base/audit.h"
#include "base/check.h"
#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>

#define VERB_CALLER_BYTES 96

struct verb_audit {
	struct audit *audit; /* NULL: there is no --audit-log */
	struct audit_queue *queue;
};

/* "uid:0:root": who runs this process. */
void verb_audit_caller(char caller[VERB_CALLER_BYTES]);
/*
 * Before the change, so that none is made that could not be noted. False: stderr says why it cannot
 * be written.
 */
bool verb_audit_open(struct verb_audit *verb_audit, const char *verb,
		     const struct options *options) must_check;
/* Notes what came of it: the event and what it was about are set. */
void verb_audit_close(struct verb_audit *verb_audit, struct audit_entry *entry, bool done);
