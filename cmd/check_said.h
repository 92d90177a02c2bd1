/* SPDX-License-Identifier: Apache-2.0 */
/* A question of a check that has one text for an answer, or none. */
#pragma once

#include "base/text.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/*
 * text: selects one text "AS said". What it answers, as JSON writes it, without the quotes, until
 * the node is asked again; len 0: nothing, or it refused, which is then among the findings as what
 * could not be found out of the subject.
 */
struct text check_said(struct check_node *node, struct findings *findings, const char *subject,
		       const char *text);
