/* SPDX-License-Identifier: Apache-2.0 */
/* The files of http/docs_page/, embedded by its script. */
#pragma once

#include "base/text.h"

struct docs_file {
	const char *name; /* "docs.js" */
	struct text bytes;
};

extern const struct docs_file docs_files[]; /* ends with name NULL */
