/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From SQLSTATE to outcome, in one table (PostgreSQL documentation, appendix A). What may be tried
 * again, and where, is decided here too.
 */
#pragma once

#include "base/check.h"
#include "base/outcome.h"
#include "base/request.h"
#include "pg/call.h"

enum retry {
	RETRY_NEVER,
	RETRY_ELSEWHERE, /* a query on a standby: once on another node */
	RETRY_RERUN,     /* rolled back for sure: the command may run again */
};

/* status: of a PTnnn or of the SQLSTATE's row, otherwise 0. */
struct verdict {
	enum outcome outcome;
	enum retry retry;
	unsigned status;
};

/* Says that the node cannot serve now, whatever was asked of it: no room, going, starting, I/O. */
bool sqlstate_blames_node(const char sqlstate[6]) must_check;
/* A statement or transaction took longer than it may, or was cancelled. */
bool sqlstate_is_timeout(const char sqlstate[6]) must_check;
/* Its class is none of PostgreSQL's, nor PT: the application made it up. */
bool sqlstate_is_of_application(const char sqlstate[6]) must_check;
/* Row level security refused a row, as opposed to a right that the role lacks. */
bool sqlstate_is_of_policy(const struct pg_error *error) must_check;
struct verdict sqlstate_verdict(const char sqlstate[6], bool command, bool in_recovery);
/*
 * Sets outcome, status, detail, sqlstate, constraint, column, hint, db_detail, errors of the
 * request by the rules of the contract: sqlstate, constraint and column for classes 22, 23 and P0
 * only, hint and db_detail for what the application raised, never SQL text or row data.
 * param_name: of error.param, or ptr NULL. What PostgreSQL said of query-failed and query-writes
 * goes to the log, unless lines of that SQLSTATE repeat themselves (base/repeats.h).
 */
void sqlstate_explain(struct request *request, const struct call *call, bool command,
		      struct text param_name);
