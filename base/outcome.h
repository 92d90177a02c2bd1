/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request ended, when the world misbehaved or did not: one value, carried on the request.
 * A row of base/outcome.def is an outcome; its code is the contract with clients (docs/errors.md).
 */
#pragma once

#include <stdbool.h>

#define PROBLEM_TYPE "https://cqrsd.example/docs/errors" /* with # and the code of an outcome */

enum outcome {
#define OUTCOME(name, code, status, retryable, title) OUTCOME_##name,
#include "base/outcome.def"
#undef OUTCOME
	OUTCOME_COUNT
};

struct outcome_row {
	const char *code;
	unsigned status;
	bool retryable;
	const char *title;
};

/* Never NULL; asserts that the outcome is one. */
const struct outcome_row *outcome_row(enum outcome outcome);
