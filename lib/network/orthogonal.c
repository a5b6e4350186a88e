/* The Q of a QR decomposition, by Gram-Schmidt in double precision, twice: once leaves errors that grow with the condition of the matrix, a
 * second time takes them away. With a positive diagonal of R, as Gram-Schmidt has it, Q is the only one. */
#include "network/orthogonal.h"
#include "base/status.h"
#include <math.h>
#include <stdlib.h>

static double dot(const double *x, const double *y, size_t length)
{
    double sum = 0.0;

    for (size_t i = 0; i < length; i++)
        sum += x[i] * y[i];
    return sum;
}

/* What is left of `vector` without its parts along `count` orthonormal vectors. */
static void take_away(const double *vectors, size_t count, size_t length, double *vector)
{
    for (size_t k = 0; k < count; k++) {
        const double *other = vectors + k * length, share = dot(other, vector, length);

        for (size_t i = 0; i < length; i++)
            vector[i] -= share * other[i];
    }
}

/* `count` vectors of `length`, one after another; at most as many as they are long. */
static void make_orthonormal(double *vectors, size_t count, size_t length)
{
    for (size_t k = 0; k < count; k++) {
        double *vector = vectors + k * length;
        double norm;

        take_away(vectors, k, length, vector);
        take_away(vectors, k, length, vector);
        norm = sqrt(dot(vector, vector, length));
        for (size_t i = 0; i < length; i++)
            vector[i] = norm > 0.0 ? vector[i] / norm : 0.0;
    }
}

clmix_status clmix_orthogonalize(float *matrix, size_t rows, size_t columns, double gain)
{
    const size_t count = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    const size_t vector_step = rows < columns ? columns : 1, element_step = rows < columns ? 1 : columns;
    double *vectors = malloc(count * length * sizeof *vectors);

    if (vectors == NULL)
        return clmix_fail_memory("an orthogonal matrix");
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < length; i++)
            vectors[k * length + i] = (double)matrix[k * vector_step + i * element_step];
    make_orthonormal(vectors, count, length);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < length; i++)
            matrix[k * vector_step + i * element_step] = (float)(gain * vectors[k * length + i]);
    free(vectors);
    return CLMIX_OK;
}
