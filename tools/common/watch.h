/* What a driver's compiler is at, said on the terminal: the first start on a device waits for it, and a broken one never returns. */
#ifndef CLMIX_TOOLS_WATCH_H
#define CLMIX_TOOLS_WATCH_H

#include <clmix/device.h>

/* "compiling conv.cl (12 done), once for this device". Gives `text`. */
char *watch_text(char text[160], const char *file, size_t compiled);

/* From now on a line on standard error says so while the device's driver compiles, and is gone afterwards; only where that is a terminal whose lines can
 * be rewritten. */
void watch_compiler(clmix_device *device);
/* Takes the line away before its time, so that an error can be printed. */
void watch_end(void);

#endif
