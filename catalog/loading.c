/* SPDX-License-Identifier: Apache-2.0 */
/* Options that name another operation seek it here, once all files are read. */
#include "catalog/loading.h"

#include <stddef.h>

struct operation *loading_find(const struct loading *loading, struct text name)
{
	for (unsigned i = 0; i < loading->count; i++)
		if (text_is(name, loading->operations[i].name))
			return &loading->operations[i];
	return NULL;
}
