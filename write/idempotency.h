/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the statements that a command with a
 * key has around it, and what they are given. The row of a key commits with the command itself
 * (migrations/002_idempotency.sql), so a repeat learns the truth whatever became of the first try.
 * A key belongs to the end user and the command: no user gets the answer of another one.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "base/statement.h"
#include "pg/call.h"

#include <stdbool.h>

/* Of one request, in its arena. */
struct idempotency_key {
	struct call_frame frame;
	const char *fingerprint;      /* 64 hexadecimal digits */
	const char *claim_values[1];  /* id */
	const char *store_values[4];  /* id, command, fingerprint, reply */
	const char *stored_values[1]; /* id */
};

/* What a repeat finds: {"fingerprint":"…","reply":…}. Borrowed, lives as long as the process. */
struct statement *idempotency_stored(void);
/* Deletes up to a thousand rows that have expired. Likewise. */
struct statement *idempotency_sweep(void);

/*
 * The request has a key. claims: as in struct call; NULL: the statement sees none. What it sees of
 * the caller is a part of the fingerprint, without what is new in each token: a user who is in two
 * tenants by two tokens gets no answer of the other tenant. on_ran is called between the command
 * and its commit: see pg/call.h.
 */
struct idempotency_key *idempotency_new(struct request *request, const char *command,
					const char *const *claims,
					bool (*on_ran)(struct call *call)) must_check;

enum stored { STORED_SAME, STORED_OTHER_BODY /* or claims */, STORED_NONE };

/*
 * What the stored statement answered stands in request->out; of the same body it becomes the
 * document as the command left it, without its last brace.
 */
enum stored idempotency_take(const struct idempotency_key *idempotency, struct request *request,
			     uint64_t rows) must_check;

/* How a refusal of the claim, or of the row, is to be read. */
enum claim { CLAIM_RUNNING, CLAIM_STORED, CLAIM_NO_SCHEMA, CLAIM_OTHER };

enum claim idempotency_refusal(const struct call *call) must_check;
