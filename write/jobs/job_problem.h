/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a job cannot tell what its command would have returned: a problem document (docs/errors.md)
 * without what belongs to one request, its id and instance. It is written into the job's row when
 * it ends, and taken by a request whose client waits for the job.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/request.h"
#include "catalog/catalog.h"
#include "pg/call.h"

/* Appends it: by what the same error of a command would be answered, with no more told. */
void job_problem_of_error(struct buf *out, struct loop *loop, const struct operation *operation,
			  const struct call *call);
/* detail: may be NULL. */
void job_problem_of_outcome(struct buf *out, enum outcome outcome, const char *detail);

/* The request has that outcome, status, detail and the rest; copies what it keeps. */
void job_problem_take(struct request *request, const struct json *problem);
