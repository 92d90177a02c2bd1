/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation answers: its reply, a job, 304, or a problem. */
#pragma once

#include "base/check.h"
#include "catalog/catalog.h"
#include "catalog/openapi/writer.h"

#include <stdbool.h>

/* How an operation is asked: by a query string, or by a body. */
enum way { WAY_GET, WAY_POST };

/* A command that a client may have accepted as a job. */
bool operation_may_be_job(const struct operation *operation) must_check;
/* The member "responses" of a call. */
void responses_write(struct writer *writer, const struct operation *operation, enum way way);
