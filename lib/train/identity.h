/* What a data set is told by without reading all of it: its ports, the names of its classes, and the means of a few samples, which other
 * decoders change little. A resumed run compares. */
#ifndef CLMIX_TRAIN_IDENTITY_H
#define CLMIX_TRAIN_IDENTITY_H

#include <cjson/cJSON.h>
#include <clmix/train.h>

/* As JSON, for cJSON_Delete(). A split without samples, or of which one of the few cannot be read now, is left out. INTERRUPTED when the
 * caller wants to stop while they are waited for. `events` may be NULL. */
clmix_status clmix_identity_take(const clmix_dataset *data, const clmix_train_events *events, cJSON **identity);

/* ARGUMENT naming what differs. What one of them lacks is not compared; `stored` may be NULL, of a run from before there were any. */
clmix_status clmix_identity_agree(const cJSON *stored, const cJSON *found, const clmix_dataset *data);

#endif
