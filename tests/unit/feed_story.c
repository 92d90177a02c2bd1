/* SPDX-License-Identifier: Apache-2.0 */
/* The model is one for each program. */
#include "feed_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct model model;
struct stripes stripes;
struct feed feed;

int feed_set_up(void **state)
{
	(void)state;
	model_init(&model);
	memset(&stripes, 0, sizeof(stripes));
	feed_init(&feed, &stripes);
	return 0;
}

enum feed_next take_of(const struct feed_build *build, uint64_t at, unsigned rows_max,
		       enum feed_loss *loss)
{
	struct feed_answer answer;

	model_answer(&model, &feed, at, at, at, rows_max, &answer);
	return build->take(&feed, &answer, loss);
}

const struct feed_build feed_right = { feed_init, feed_take };

enum feed_loss take(void)
{
	enum feed_loss loss;

	(void)take_of(&feed_right, model.lsn, FEED_ALL, &loss);
	return loss;
}

void begin(void)
{
	(void)model_mark(&model, true);
	(void)take();
	assert_int_equal(feed.state, FEED_FOLLOWING);
	(void)take();
}

struct model_transaction *write_row(uint64_t tag)
{
	struct model_transaction *transaction = model_begin(&model, tag);

	model_take_id(&model, transaction);
	return transaction;
}

void commit_row(uint64_t tag)
{
	model_end(&model, write_row(tag), true);
}

uint64_t required(uint64_t tag)
{
	return stripes_required(&stripes, stripes_known(&stripes), &tag, 1);
}

void assert_nothing_missed(void)
{
	assert_null(model_missed(&model, &stripes));
}
