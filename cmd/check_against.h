/* SPDX-License-Identifier: Apache-2.0 */
/* check --against: what changed for clients since an older catalog, on the same database. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/options.h"
#include "catalog/catalog.h"
#include "cmd/check_findings.h"

#include <stdbool.h>

/*
 * Lines on stdout, or, with options->json, the elements of an array of {"kind","name","why"} into
 * json. True: nothing breaks. What keeps them from being compared is among the findings.
 */
bool check_against(const struct options *options, const char *primary, struct catalog *catalog,
		   struct findings *findings, struct buf *json) must_check;
