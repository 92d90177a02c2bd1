/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the admin listener's pages: a page more is a row more, and a file of its own. */
#pragma once

#include "http/http.h"

/* With a struct admin as their argument; ends with path NULL. */
extern const struct admin_page admin_pages[];
