/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What check, openapi or serve has found so far: lines go to stderr, or to the log, at once;
 * objects are kept as JSON.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "catalog/catalog.h"
#include "pg/call.h"

#include <stdbool.h>

struct findings {
	const char *verb;    /* whose lines these are */
	const char *catalog; /* the folder */
	unsigned errors, warnings, notes;
	unsigned troubles; /* among the errors: no line of the author's is to blame */
	bool usage;        /* a connection string could not be read */
	bool logged;       /* serve finds them: lines go to the log, not to stderr */
	bool quiet;        /* they go nowhere */
	struct buf json;   /* an object each, comma separated */
};

void findings_init(struct findings *findings, const char *verb, const char *catalog);
void findings_fini(struct findings *findings);
/* "file:line:col: error: …"; an error fails the check, the others do not. */
void findings_error(struct findings *findings, struct place place, const char *format, ...)
	printf_like(3, 4);
void findings_warning(struct findings *findings, struct place place, const char *format, ...)
	printf_like(3, 4);
void findings_note(struct findings *findings, struct place place, const char *format, ...)
	printf_like(3, 4);
/*
 * A question of the check's own was refused, so that nothing is known of its subject: a warning.
 * That a node gives no answer at all is another finding.
 */
void findings_unasked(struct findings *findings, const char *node, const char *subject,
		      const struct call *call);
/* Lines that the catalog or the rate limits made: "file:line:col: error: …", "error: …", and, which
 * does not fail the check, "file:line: warning: …", "file:line: note: …". */
void findings_lines(struct findings *findings, const struct buf *lines);
/* No line of the author's is to blame: "cqrsd VERB: …". Fails the check. */
void findings_trouble(struct findings *findings, const char *format, ...) printf_like(2, 3);
