/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the source tree that is part of the program: a row of a table by the script embed. */
#pragma once

#include "base/text.h"

struct embedded {
	const char *name; /* "docs.js", without its folder; NULL ends the table */
	struct text bytes;
};
