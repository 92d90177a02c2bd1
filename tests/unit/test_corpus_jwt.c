/* SPDX-License-Identifier: Apache-2.0 */
/* links: corpus.c tests/fuzz/fuzz_jwt.c jwt_story.c */
#include "corpus.h"

int main(void)
{
	return corpus_replay("tests/fuzz/corpus/jwt");
}
