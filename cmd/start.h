/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb does first: options, help, log. */
#pragma once

#include "base/check.h"
#include "base/options.h"

#include <stdbool.h>

/*
 * Reads the options of the verb; values live as long as the process. False: the verb is over, with
 * *code: help was asked for and printed, or the usage was wrong and is explained on stderr.
 */
bool start_options(struct options *options, enum verb verb, const char *name, int argc, char **argv,
		   int *code) must_check;

/*
 * The same options read again, for SIGHUP. NULL: something is wrong now, and was logged. Nothing
 * goes by them yet. They live as long as the process.
 */
const struct options *start_options_again(enum verb verb, const char *name, int argc,
					  char **argv) must_check;
