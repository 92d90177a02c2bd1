/* SPDX-License-Identifier: Apache-2.0 */
/* The listener of the admin pages, on the main thread's loop; who may see them is decided here. */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/options.h"
#include "cmd/admin.h"

#include <stdbool.h>

struct audit_queue;
struct endpoint;
struct listener;

/* Of --admin-token-file, where it is given. False: stderr says what is wrong with it. */
bool admin_read_tokens(struct admin *admin, const struct options *options) must_check;
/* All is borrowed; audit: NULL: there is no audit log. NULL: stderr says why. */
struct listener *admin_listen(struct admin *admin, struct loop *loop, const struct options *options,
			      struct endpoint *endpoint, struct audit_queue *audit) must_check;
