/* The form of kernels that a device gets. */
#ifndef CLMIX_OPS_FORM_H
#define CLMIX_OPS_FORM_H

#include <clmix/device.h>

/* Settles the form, before the first plan for a real device: remembered, forced, or measured now (tune.h) on a matrix product, a
 * convolution and a normalisation, each verified. Later calls do nothing. The usual form stays where nothing is measured. Errors: those of
 * clmix_tune_choose(). */
clmix_status clmix_form_settle(clmix_device *device);

/* form_probe.c: one of these in the form in force, verified against the host and timed. `right` is false when results are wrong. */
enum { CLMIX_FORM_PROBES = 3 };
clmix_status clmix_form_probe(clmix_device *device, int probe, bool *right, double *seconds);

#endif
