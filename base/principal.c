/* SPDX-License-Identifier: Apache-2.0 */
/* The two principals that are the same for every request. */
#include "base/principal.h"

#include <assert.h>

const struct principal principal_open = {
	.kind = PRINCIPAL_OPEN,
	.acts_for = ACTS_FOR_ANY,
	.scope = { "", 0 },
	.claims = { "{}", 2 },
};

const struct principal principal_anonymous = {
	.kind = PRINCIPAL_ANONYMOUS,
	.acts_for = ACTS_FOR_NONE,
	.scope = { "", 0 },
	.claims = { "{}", 2 },
};

const char *principal_kind_text(enum principal_kind kind)
{
	switch (kind) {
	case PRINCIPAL_OPEN:
		return "open";
	case PRINCIPAL_ANONYMOUS:
		return "anonymous";
	case PRINCIPAL_KEY:
		return "key";
	case PRINCIPAL_JWT:
		return "jwt";
	case PRINCIPAL_PEER:
		return "peer";
	}
	assert(!"a kind without a name");
	return NULL;
}
