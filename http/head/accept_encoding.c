/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in thousandths; a coding that is listed twice has the last weight. */
#include "http/head/accept_encoding.h"

#define WEIGHT_ONE 1000
#define WEIGHT_ABSENT (-1)

/* 0, 1, 0.5, 1.000: at most three digits behind the point. False: it is none of these. */
static bool weight_read(struct text text, int *weight)
{
	int unit = WEIGHT_ONE;

	if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
	    (text.len > 1 && text.ptr[1] != '.'))
		return false;
	*weight = (text.ptr[0] - '0') * unit;
	for (size_t i = 2; i < text.len; i++) {
		if (!byte_is_digit(text.ptr[i]))
			return false;
		unit /= 10;
		*weight += (text.ptr[i] - '0') * unit;
	}
	return *weight <= WEIGHT_ONE;
}

/* gzip;q=0.5; false: it cannot be read. */
static bool coding_read(struct text element, struct text *coding, int *weight)
{
	struct text parameter;

	*weight = WEIGHT_ONE;
	if (!text_next(&element, ';', coding))
		return false;
	while (text_next(&element, ';', &parameter)) {
		if (parameter.len < 2 || (parameter.ptr[0] | 0x20) != 'q' ||
		    parameter.ptr[1] != '=' ||
		    !weight_read((struct text){ parameter.ptr + 2, parameter.len - 2 }, weight))
			return false;
	}
	return true;
}

bool accept_encoding_read(const struct head *head)
{
	int gzip = WEIGHT_ABSENT, any = WEIGHT_ABSENT, identity = WEIGHT_ABSENT;

	for (size_t i = 0; i < head->count; i++) {
		struct text list = head->headers[i].value, element, coding;
		int weight;

		if (!text_is_caseless(head->headers[i].name, "accept-encoding"))
			continue;
		while (text_next(&list, ',', &element)) {
			if (!coding_read(element, &coding, &weight))
				continue;
			if (text_is_caseless(coding, "gzip") || text_is_caseless(coding, "x-gzip"))
				gzip = weight;
			else if (text_is_caseless(coding, "identity"))
				identity = weight;
			else if (text_is(coding, "*"))
				any = weight;
		}
	}
	if (gzip == WEIGHT_ABSENT)
		gzip = any;
	return gzip > 0 && gzip >= identity;
}
