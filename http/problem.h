/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9457 problem documents. The codes are the contract with clients (docs/errors.md). */
#pragma once

#include "base/buf.h"
#include "base/outcome.h"
#include "base/request.h"

/* type is PROBLEM_TYPE and #CODE: a constant, for reading, not for fetching by programs. */

struct problem {
	enum outcome outcome;
	unsigned status;      /* 0: the outcome's own */
	const char *detail;   /* NULL: none */
	struct text instance; /* the path of the request */
	const char *request_id;
	const struct param_error *errors;
	size_t errors_count;
	const char *sqlstate, *constraint, *column; /* NULL: not told */
	const char *hint, *db_detail;               /* likewise */
};

/* Appends the document. */
void problem_write(struct buf *out, const struct problem *problem);
/* Is the status one that an error may have? Otherwise the outcome's own is meant. */
unsigned problem_status(enum outcome outcome, unsigned status);
