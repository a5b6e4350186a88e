/* One configuration's JSON over another's: a preset's row over its neighbour's, an override over a preset. */
#ifndef CLMIX_NETWORK_OVERLAY_H
#define CLMIX_NETWORK_OVERLAY_H

#include <cjson/cJSON.h>
#include <clmix/status.h>
#include <stdbool.h>

/* Lays `over` over `object`, which it is copied into: what it says takes the place of what is there. An object inside (the mixer) is laid over
 * the one that is there, key by key, unless it names another "kind": then nothing of the old one stays. False when the host is out of
 * memory; `object` then has a part of it. */
bool clmix_overlay(cJSON *object, const cJSON *over);

/* What stands behind the '=' of an override: JSON where it is JSON, else a text, so that `feedforward=linear` needs no quotes. `key` is for the sentence
 * of a failure. */
clmix_status clmix_overlay_value(cJSON **value, const char *key, const char *text);

#endif
