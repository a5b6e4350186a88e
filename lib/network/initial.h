/* Values that tensors begin with. */
#ifndef CLMIX_NETWORK_INITIAL_H
#define CLMIX_NETWORK_INITIAL_H

#include <clmix/graph.h>

/* Fills `file`, elements in the file's order, by the tensor's initialiser: a random stream of its own, named by the seed and the tensor's
 * name. Errors: HOST_MEMORY. */
clmix_status clmix_initial_values(const clmix_tensor_info *info, uint64_t seed, float *file);
/* The same in the device's order and shape; `device` is zeros before, where that is larger than the file's. Errors: HOST_MEMORY. */
clmix_status clmix_initial_on_device(const clmix_tensor_info *info, uint64_t seed, float *device);

#endif
