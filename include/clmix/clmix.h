/* clmix: portable OpenCL compute for efficient token mixing.
 *
 * Start with device.h (open one) and network.h (load a trained network, classify a picture). graph.h, ops.h, mixing.h, sequence.h and plan.h are for building and running graphs, down to one op on your own buffers; data.h and train.h for training, text.h for text. */
#ifndef CLMIX_CLMIX_H
#define CLMIX_CLMIX_H

#include <clmix/data.h>
#include <clmix/device.h>
#include <clmix/graph.h>
#include <clmix/mixing.h>
#include <clmix/network.h>
#include <clmix/ops.h>
#include <clmix/peers.h>
#include <clmix/plan.h>
#include <clmix/port.h>
#include <clmix/sequence.h>
#include <clmix/status.h>
#include <clmix/text.h>
#include <clmix/train.h>
#include <clmix/version.h>

#endif
