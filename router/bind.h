/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the client sent to what PostgreSQL gets: values in text form, in the order of $1, $2.
 * Every wrong, missing or unknown parameter is named, not only the first.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "catalog/catalog.h"

/*
 * NULL: the request holds the outcome (unknown-parameter, missing-parameter, invalid-parameter) and
 * its errors. Values live in the request's arena. The statement's shape must be known.
 */
const char *const *bind_values(struct request *request, const struct operation *operation,
			       const struct shape *shape) must_check;

/* The step: the values of a task; of an array of objects those of each (task->elements). */
enum step bind_step(struct request *request);
