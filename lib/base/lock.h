/* Locks on files that die with their holder: of one thread, process or host at a time.
 *
 * They are flock's: a lock belongs to an open file, so two holders in one process exclude each other too, closing another descriptor of the
 * same file releases nothing, and whatever ends the process releases it. Linux carries them over NFS as locks on byte ranges. On a file
 * system that knows no locks at all nothing is excluded. */
#ifndef CLMIX_BASE_LOCK_H
#define CLMIX_BASE_LOCK_H

#include <clmix/status.h>

/* Tries to lock an open file whose name is `path`. GONE: it was removed or replaced meanwhile, and a lock on it excludes nobody. */
enum clmix_hold { CLMIX_HOLD_TAKEN, CLMIX_HOLD_BUSY, CLMIX_HOLD_GONE, CLMIX_HOLD_UNKNOWN };
enum clmix_hold clmix_hold(int descriptor, const char *path);

/* A file that stands for something else, such as a folder: made to be locked, says who holds it, and is removed with the lock. */
typedef struct clmix_lock {
    char *path; /* NULL: not held */
    int descriptor;
} clmix_lock;

/* `what` is what it stands for, in the sentence of the refusal, which names the holder. Does not wait. Fails with FILE and changes nothing
 * then. */
clmix_status clmix_lock_take(clmix_lock *lock, const char *path, const char *what);
void clmix_lock_release(clmix_lock *lock); /* harmless when all zero or released */

#endif
