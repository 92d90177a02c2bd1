/* SPDX-License-Identifier: Apache-2.0 */
/* Composites and records on their way out: for pg/types/types_out.c only. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "pg/types/form.h"
#include "pg/types/value.h"

#include <stdbool.h>

/*
 * form NULL: a record, whose fields are f1, f2, … and strings. False: not a composite's text, and
 * what was appended is of no use; with *fits false it has more or fewer fields than the form, or
 * one of them has.
 */
bool composite_to_json(struct buf *out, const struct type_form *form, struct text text,
		       value_writer *write, bool *fits) must_check;
