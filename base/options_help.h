/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of options before they take effect: the text of --help, and warnings. */
#pragma once

#include "base/buf.h"
#include "base/options.h"

/* The warnings that are due, one line each: a password inside a flag. */
void options_warnings(const struct options *options, enum verb verb, int argc, char **argv,
		      struct buf *out);
/* The option lines of the verb's --help. */
void options_help(enum verb verb, struct buf *out);
