/* Matrices with orthonormal rows or columns. */
#ifndef CLMIX_NETWORK_ORTHOGONAL_H
#define CLMIX_NETWORK_ORTHOGONAL_H

#include <clmix/status.h>
#include <stddef.h>

/* Replaces a matrix by `gain` times the Q of the QR decomposition, with a positive diagonal of R, of the matrix, or of its transpose where
 * there are fewer rows than columns: then the rows are orthonormal, else the columns. Errors: HOST_MEMORY. */
clmix_status clmix_orthogonalize(float *matrix, size_t rows, size_t columns, double gain);

#endif
