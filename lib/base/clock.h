/* Clocks, in seconds. */
#ifndef CLMIX_BASE_CLOCK_H
#define CLMIX_BASE_CLOCK_H

double clmix_seconds(void);        /* of a steady clock */
double clmix_thread_seconds(void); /* processor time that the calling thread has taken */

#endif
