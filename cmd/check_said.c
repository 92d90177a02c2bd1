/* SPDX-License-Identifier: Apache-2.0 */
/* The row is {"said":"…"}, or {"said":null}. */
#include "cmd/check_said.h"

#include <string.h>

struct text check_said(struct check_node *node, struct findings *findings, const char *subject,
		       const char *text)
{
	static const char before[] = "{\"said\":\"";
	const struct buf *out = &node->asker.out;
	struct text said = { NULL, 0 };
	struct call call;

	if (asker_ask(&node->asker, CALL_QUERY, text, &call) != CALL_OK) {
		findings_unasked(findings, node->asker.node->name, subject, &call);
		return said;
	}
	said.ptr = memmem(out->ptr, out->len, before, strlen(before));
	if (!said.ptr)
		return said;
	said.ptr += strlen(before);
	said.len = out->len - (size_t)(said.ptr - out->ptr) - 2;
	return said;
}
