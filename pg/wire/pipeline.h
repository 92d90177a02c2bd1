/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a batch, in libpq's pipeline mode: each that is sent leaves an entry, by which its
 * answer is known. A plan puts a trip together with these; false: libpq refused, and the rest need
 * not be tried. A trip ends with pipeline_sent; each one but the first begins with
 * batch_begin_trip. Nothing waits: what the kernel has no room for is sent later.
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"
#include "pg/wire/batch.h"

#include <stdbool.h>

struct conn;

/* All of a trip was handed to libpq: on its way, or, where libpq refused, the conn is closed. */
void pipeline_sent(struct conn *conn, bool sent);
/* The entry that is answered next is the next one: libpq gives the rows of a call one by one. */
void pipeline_expect(struct conn *conn);

bool pipeline_begin(struct conn *conn, enum isolation isolation) must_check;
/* A text as it stands, without parameters. */
bool pipeline_text(struct conn *conn, enum entry_kind kind, const char *text) must_check;
bool pipeline_sync(struct conn *conn, enum entry_kind kind) must_check;
/* Prepares it where it is not yet; value: its parameter, or NULL. */
bool pipeline_fixed(struct conn *conn, enum entry_kind kind, enum fixed fixed, unsigned slot,
		    const char *value) must_check;
/* The same, with that as its parameter, also where it is NULL. */
bool pipeline_fixed_value(struct conn *conn, enum entry_kind kind, enum fixed fixed, unsigned slot,
			  const char *value) must_check;
/* Where a pooler stands between, whether it is the backend on which all was prepared and set. */
bool pipeline_backend(struct conn *conn) must_check;
/* The slot's statement is prepared and its statement_timeout in force. timeout_us_max: whatever
 * the call says; 0: none. */
bool pipeline_make_ready(struct conn *conn, unsigned slot, int64_t timeout_us_max) must_check;
/* What runs for the slot ends soon after the client has gone, where the server can see that. */
bool pipeline_notice(struct conn *conn, unsigned slot) must_check;
/* The slot's statement, which is ready, behind its claims where the batch has any. */
bool pipeline_run(struct conn *conn, unsigned slot) must_check;
/* All of that with a statement in place of the slot's own, whose types are known. */
bool pipeline_run_in_place(struct conn *conn, unsigned slot, const struct statement *statement,
			   const char *const *values, int64_t timeout_us_max) must_check;
/* pipeline_make_ready and pipeline_run, without another limit. */
bool pipeline_call(struct conn *conn, unsigned slot) must_check;
/* Prepares and runs a statement of the frame of the call in slot 0. */
bool pipeline_framing(struct conn *conn, enum entry_kind kind, const struct statement *statement,
		      const char *const *values) must_check;
/* Prepares and describes the statement of slot 0. */
bool pipeline_describe(struct conn *conn) must_check;
/* The last of commands: whether they wrote, the commit where one is due, the position. */
bool pipeline_end(struct conn *conn, enum fixed end, bool commit) must_check;
