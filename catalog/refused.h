/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that can never be an operation. Each runs by the extended protocol, within a
 * transaction that others may share, on a connection that others use next: what PostgreSQL does not
 * take there, or what would be left there, is refused when the catalog is read.
 */
#pragma once

#include "catalog/draft.h"

/* Complains at the statement's first word if it is one of them. Once the statement is read. */
void refused_check(struct draft *draft);
