/* A token mixer as programs are told of it: KIND[:key=value,...]. */
#ifndef CLMIX_NETWORK_MIXING_H
#define CLMIX_NETWORK_MIXING_H

#include <cjson/cJSON.h>
#include <clmix/network.h>

/* The object "mixer" that `text` says, for cJSON_Delete(); values are written as those of --set are. ARGUMENT where the text is not of that form. */
clmix_status clmix_mixing_read(cJSON **mixer, const char *text);

/* Puts the mixer that `text` names into a configuration, as clmix_config_set does an object "mixer": keys of the same kind are laid over those that are
 * there, another kind takes the old one's place. Values are written as those of --set are. Fails with ARGUMENT where the text is not of that form, or
 * the model takes no mixer; whether kind and keys are known is checked by the next use, as clmix_config_set says. */
clmix_status clmix_config_set_mixer(clmix_config *config, const char *text);

#endif
