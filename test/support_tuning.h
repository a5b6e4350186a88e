/* A tuning file of a test's own: what is measured there is neither found nor left elsewhere. */
#ifndef CLMIX_TEST_SUPPORT_TUNING_H
#define CLMIX_TEST_SUPPORT_TUNING_H

#include <clmix/device.h>

/* CLMIX_CACHE_DIR is a new folder, which is returned, and CLMIX_TUNE is unset, so that measuring is allowed; a device that is open already keeps the
 * kernels of the cache that it was opened with. Then all is as it was, CLMIX_KERNELS too, and the folder is gone. */
const char *begin_own_tuning(void);
void end_own_tuning(void);

/* The text of a device's tuning file. */
void write_tuning(clmix_device *device, const char *text);
void read_tuning(clmix_device *device, char text[4096]);

#endif
