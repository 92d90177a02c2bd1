/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, as far as rate limits and the load page go: the address of the connection, of IPv6 its
 * /64, which is what one customer has. The one place to change once callers have keys.
 */
#pragma once

#include "base/limits.h"

struct sockaddr;

/* "10.0.0.2", "2001:db8:0:1::/64", "uid:1000" (http/socket/peer.h); empty: none of them. */
void client_address_text(const struct sockaddr *address, char out[CLIENT_ADDRESS_BYTES_MAX + 1]);
