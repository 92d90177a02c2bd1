/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL files of migrations/, embedded when the program is built, sorted by name. */
#pragma once

#include <stddef.h>

/* name is the file's name without ".sql", e.g. "0001_init". Followed by one row of NULLs. */
extern const struct migration_file {
	const char *name;
	const char *text;
} migration_files[];
extern const size_t migration_files_count;
