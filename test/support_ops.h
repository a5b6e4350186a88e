/* Shared by the tests of ops: one device for a test case, plans of small graphs, and a check of an op against a reference in double,
 * forward and backward. */
#ifndef CLMIX_TEST_SUPPORT_OPS_H
#define CLMIX_TEST_SUPPORT_OPS_H

#include <clmix/clmix.h>

extern clmix_device *ops_device;
/* Unchecked fixtures: the device of $CLMIX_DEVICE. */
void ops_open(void);
void ops_close(void);

/* CLMIX_TEST_EFFORT=small: a simulator runs the tests; leave out what is large. */
bool ops_small_effort(void);

void ops_ok(clmix_status status);

/* ---- data ---------------------------------------------------------------------------------------------------------------------------- */

/* That building the graph met an ARGUMENT error whose sentence holds `sentence`; and that it poisoned `value`. Both free the graph. */
void ops_refused(clmix_graph *graph, const char *sentence);
void ops_poisoned(clmix_graph *graph, clmix_value value, const char *sentence);

clmix_shape ops_shape4(size_t a, size_t b, size_t c, size_t d);
clmix_shape ops_shape2(size_t rows, size_t columns);
clmix_value ops_input(clmix_graph *graph, const char *name, clmix_shape shape);
#define OPS_SHAPES 6
extern const clmix_shape ops_shapes[OPS_SHAPES]; /* odd, tiny, and across the chunks of a launch */
/* Uniform in [low, high), the same for the same stream. The caller frees. */
float *ops_floats(size_t count, uint64_t stream, float low, float high);
/* Uniform in [-0.5, 0.5), of another seed. */
float *ops_centred_floats(size_t count, uint64_t stream);
/* Fails when `got` and `wanted` differ by more than `tolerance` times the largest |wanted| (at least 1e-3); `what` and the place are
 * reported. NaN differs from everything. */
void ops_compare(const char *what, const float *got, const double *wanted, size_t count, double tolerance);
void ops_compare_floats(const char *what, const float *got, const float *wanted, size_t count, double tolerance);

/* ---- plans --------------------------------------------------------------------------------------------------------------------------- */

/* Compiles and prepares; frees the graph. */
clmix_plan *ops_plan(clmix_graph *graph, clmix_mode mode);
void ops_write(clmix_plan *plan, const char *name, const float *data, size_t count);
/* The caller frees. */
float *ops_read(clmix_plan *plan, const char *name, size_t count);
/* Sets $CLMIX_SLICE for the plans that are compiled next; NULL: unset. */
void ops_slice(const char *wish);
/* How many launches have this kernel: 0 where an op was absorbed or did its work in place. */
size_t ops_launches(const clmix_plan *plan);

/* ---- an op against its reference ----------------------------------------------------------------------------------------------------- */

#define OPS_MOST 6

typedef clmix_value (*ops_build)(clmix_scope at, const clmix_value *inputs, const void *attributes);
/* Inputs, then parameters, then states, each with its shape, to the output. */
typedef void (*ops_reference)(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes);

struct ops_check {
    const char *what;
    ops_build build;
    ops_reference reference;
    const void *attributes;
    int input_count;
    clmix_shape shapes[OPS_MOST];     /* of the inputs; behind them those of the weights and states, filled in by the check */
    const char *parameters[OPS_MOST]; /* names of the weights that the op makes */
    const char *states[OPS_MOST];     /* names of the states that the result depends on; without gradients */
    float low, high;                  /* range of the inputs, both 0: -1..1; weights and states are between 0.5 and 1.5 */
    clmix_mode mode;
    double tolerance;          /* of the result; 0: 2e-6 */
    double gradient_tolerance; /* 0: 5e-5 */
    bool no_gradient;
};

/* The same of a plan for inference that is made of `build`, which has no attributes, on `count` inputs of these shapes. */
size_t ops_launches_of(ops_build build, const clmix_shape *shapes, int count);

/* Which tokens count. */
typedef bool (*ops_is_token)(size_t sample, size_t token, size_t tokens);
/* A mask i32 (batch, tokens) of them, a constant; NULL: no value, as where all count. */
clmix_value ops_mask(clmix_graph *graph, ops_is_token is_token, size_t batch, size_t tokens);

/* For references: y = x W + b, W as the device has it: in x out. */
void ops_affine(const double *x, const double *weight, const double *bias, size_t rows, size_t in, size_t out, double *y);

/* Runs the op with random inputs, and its backward pass for loss = sum(result * random), on the device. The result is compared with the
 * reference, the gradients of inputs and parameters with central differences of the reference in double, at up to 48 places of each. */
void ops_run_check(const struct ops_check *check);

#endif
