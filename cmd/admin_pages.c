/* SPDX-License-Identifier: Apache-2.0 */
/* A page is found by the whole path, from the first row on. */
#include "cmd/admin_pages.h"

#include "cmd/admin.h"
#include "cmd/heavy_hitters_page.h"
#include "cmd/requests_page.h"

const struct admin_page admin_pages[] = {
	{ "/livez", admin_livez },
	{ "/readyz", admin_readyz },
	{ "/metrics", admin_metrics },
	{ "/admin/api/hot", heavy_hitters_page },
	{ "/admin/api/requests", requests_page },
	{ NULL, NULL },
};
