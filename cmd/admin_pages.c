/* SPDX-License-Identifier: Apache-2.0 */
/* A page is found by the whole path, from the first row on. */
#include "cmd/admin_pages.h"

#include "cmd/admin.h"
#include "cmd/heavy_hitters_page.h"
#include "cmd/requests_page.h"

const struct admin_page admin_pages[] = {
	{ "/livez", admin_livez, true },
	{ "/readyz", admin_readyz, true },
	{ "/metrics", admin_metrics, false },
	{ "/admin/api/hot", heavy_hitters_page, false },
	{ "/admin/api/requests", requests_page, false },
	{ NULL, NULL, false },
};
