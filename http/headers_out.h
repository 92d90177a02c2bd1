/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a request, as headers of its reply: who answered, when to come back, its token. */
#pragma once

#include "base/buf.h"
#include "base/request.h"

#include <assert.h>
#include <microhttpd.h>

/* The value has no control characters. */
static inline void headers_out_add(struct MHD_Response *response, const char *name,
				   const char *value)
{
	/* It refuses only control characters. */
	enum MHD_Result added = MHD_add_response_header(response, name, value);

	assert(added == MHD_YES);
}

/* line: lent for values that are put together; empty before and after. */
void headers_out_of_request(struct MHD_Response *response, const struct request *request,
			    unsigned status, struct buf *line);
