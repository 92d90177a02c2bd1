/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row of cqrsd.job says of the command that was accepted: who asked, with which parameters.
 * Parameters are kept by name, in the text form in which they are bound, so that they are found
 * again when the command has other parameters by then, and can be read where there is no such
 * command any more.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/principal.h"
#include "base/text.h"
#include "catalog/catalog.h"

/* Appends {"sku":"pen","note":null}; values: in the order of the operation's parameters. */
void job_row_write_parameters(struct buf *out, const struct operation *operation,
			      const char *const *values);

/* What became of the parameters since the job was accepted. */
enum job_row_values {
	JOB_ROW_READ,
	JOB_ROW_MISSING, /* one that the operation needs was not accepted */
	JOB_ROW_UNKNOWN, /* one that was accepted has no place in the operation any more */
	JOB_ROW_BROKEN,  /* it is not what job_row_write_parameters writes */
};

/*
 * The values in the order of the operation's parameters, as bind_values makes them: a parameter
 * that came later has its default, or is NULL where it is optional. They live in the arena. Not
 * JOB_ROW_READ: *name is the parameter that it is about, or NULL.
 */
enum job_row_values job_row_read(struct arena *arena, const struct operation *operation,
				 struct text parameters, const char *const **values,
				 const char **name) must_check;

/* Appends ["{…}","ann","[…]"]: the claims of struct call, which has some, as a JSON array. */
void job_row_write_claims(struct buf *out, const char *const *claims);

/*
 * Whose the job is, with its user: an API key by its name, which it shares with the key that
 * replaces it; other principals by their id; NULL: of callers without a credential.
 */
const char *job_row_caller(struct arena *arena, const struct principal *principal) must_check;
