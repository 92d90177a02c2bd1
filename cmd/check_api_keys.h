/* SPDX-License-Identifier: Apache-2.0 */
/* A check of the primary: may the role that asks read the API keys? */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* Fails where there are keys that a service with this role would not know. */
void check_api_keys(struct check_node *primary, const struct catalog *catalog,
		    struct findings *findings);
