/* What the two Performer mixers share, that of image models (performer.c) and that of token models (token_performer.c). */
#ifndef CLMIX_MODELS_MIXERS_PERFORMER_H
#define CLMIX_MODELS_MIXERS_PERFORMER_H

#include <clmix/status.h>
#include <stddef.h>

/* Makes 0 features as many as the authors' code has by default, d ln d of heads of width d; an error where that is none. */
clmix_status clmix_settle_features(size_t *features, size_t head_dim, const char *where);

#endif
