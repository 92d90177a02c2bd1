/* SPDX-License-Identifier: Apache-2.0 */
/* A check of the primary: can it keep idempotency keys for the role that asks? */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* A note when commands may come with a key and the primary keeps none; an error when one must. */
void check_keys(struct check_node *primary, const struct catalog *catalog,
		struct findings *findings);
