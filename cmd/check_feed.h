/* SPDX-License-Identifier: Apache-2.0 */
/* May commands with @invalidates write their rows of the feed? Without that they fail. */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

void check_feed(struct check_node *primary, const struct catalog *catalog,
		struct findings *findings);
