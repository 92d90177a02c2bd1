/* SPDX-License-Identifier: Apache-2.0 */
/* A change of keys in the audit log: who on this machine changed which key. */
#pragma once

#include "base/check.h"
#include "cmd/keys_work.h"

#include <stdbool.h>

struct audit;
struct audit_queue;

struct keys_audit {
	struct audit *audit; /* NULL: there is no --audit-log */
	struct audit_queue *queue;
};

/*
 * Before the change, so that none is made that could not be noted. False: stderr says why it cannot
 * be written.
 */
bool keys_audit_open(struct keys_audit *keys_audit, const struct options *options) must_check;
/* Notes what came of the action. */
void keys_audit_close(struct keys_audit *keys_audit, const char *action,
		      const struct keys_work *work, bool done);
