/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of --cache-warm: whole or not at all. A new one is written beside it, brought to the
 * disk, and renamed; its mode is 0600, since values of parameters stand in it. Blocks.
 */
#pragma once

#include "base/check.h"
#include "read/warm_list.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL: error says why; where it is not there, error is empty. */
struct warm_list *warm_file_read(const char *path, char *error, size_t error_room) must_check;
/* False: error says why, and what was there is as it was. */
bool warm_file_write(const char *path, const struct warm_list *list, char *error,
		     size_t error_room) must_check;
