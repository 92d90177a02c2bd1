/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement may leave in its session, which no transaction ends and the next request on the
 * same conn would meet. Looked for when the statement is described, once and for all conns: in its
 * text, in the bodies of the functions, views, triggers, defaults and policies that its words may
 * name, and of those that theirs may. Words are compared, nothing is parsed; what is composed at
 * run time, or done by functions in C under another name, is not found; nor what stands behind the
 * first 200 bodies.
 *
 * Asked along with it: is the statement volatile, so that each call has to run it (pg/coalesce.h)?
 * It is where its text, a view or a policy names a function that may be VOLATILE, in any of its
 * overloads; the label that PostgreSQL has for a function stands for the body of that.
 *
 * Locks of the session end with the last probe of a batch (batch_leaves_state), which an error
 * leaves out. A conn on which something else may stay runs one such statement at a time, and is
 * retired then.
 */
#pragma once

#define SESSION_STATE_LOCKS 1 /* of pg_advisory_lock and its like */
#define SESSION_STATE_SESSION                                                                      \
	2 /* settings, LISTEN, PREPARE, cursors, states of languages and extensions */

/* The database has triggers that may run at the commit, of whatever table: what a statement fires
 * through functions is not looked for. Not of the session: such a conn is not retired. */
#define SESSION_STATE_DEFERRED 4
#define SESSION_STATE_COLLATIONS                                                                   \
	16 /* in the database different texts may be equal (pg/types/key.h): some collation of it is
	      nondeterministic, or its encoding has not all characters */
#define SESSION_STATE_TEMPORARY 32 /* tables that go behind its commit: others may not meet them */
#define SESSION_STATE_VOLATILE 8   /* it leaves nothing, but two runs of it may differ */

/* One row, of $1, a statement's text: "found", names for people, or NULL; "leaves", the bits. */
extern const char session_state_query[];
/* To be sent before, in the same transaction: compiling it would take longer than running it. */
extern const char session_state_prelude[];
