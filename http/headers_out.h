/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a request, as headers of its reply: who answered, when to come back, its token. */
#pragma once

#include "base/request.h"
#include "http/header_lines.h"

void headers_out_of_request(struct header_lines *lines, const struct request *request,
			    unsigned status);
