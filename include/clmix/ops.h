/* Ops. Each takes values and gives a value of the same graph; shapes are checked at once and reported by clmix_graph_check or by compiling.
 * Channels-last throughout; "rows" are all axes but the last, flattened. Values are f32 unless an op says otherwise. Arrays of the caller
 * (sizes, means, k, lists of values) are read, or filled in, during the call alone. Everything here is for the thread that builds the graph.
 *
 * An op on a poisoned value, or on one of no graph, gives a poisoned one. A NULL array (sizes, means, stds, details, counts k) is an error
 * of the graph, ARGUMENT, unless its op says that it may be NULL; clmix_concat of NULL gives no value. */
#ifndef CLMIX_OPS_H
#define CLMIX_OPS_H

#include <clmix/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Window of a convolution or a pooling: {height, width} each, in pixels. */
typedef struct clmix_window {
    size_t kernel[2];  /* its size */
    size_t stride[2];  /* from one window to the next, at least 1 */
    size_t padding[2]; /* around the input, on each side */
    size_t groups;     /* of channels that are convolved apart; 0 counts as 1 */
} clmix_window;
/* A window as high as wide, of one group. */
CLMIX_API clmix_window clmix_square(size_t kernel, size_t stride, size_t padding);

/* ---- layers and their ops ------------------------------------------------------------------------------------------------------------
 *
 * Each of these comes twice. clmix_NAME_with is the op: its weights and biases are values of the graph like any other (parameters, inputs,
 * results of other ops), whose shapes are those on the device and to which gradients flow. clmix_NAME is a layer: it makes parameters under
 * `at` and calls the op with them. To both `at` is the place that errors and profiles name. Weights are f32, and the same for all samples;
 * a value of no graph stands for a bias left out. Errors of the graph (ARGUMENT): shapes that do not fit, other types, a weight left out.
 * The ops are there since 0.2. */

/* y = x W + b over the last axis, x (..., in) -> (..., out). weight (in, out), the transpose of what files have, or with more axes whose
 * product is `in`, as in (1, 1, in, out); columns of a wider value do as they are. bias (out), or none. */
CLMIX_API clmix_value clmix_linear_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias);
/* To `features`. Parameters "weight" (out, in) and, with `bias`, "bias" (out), both uniform in +-1 / sqrt(in). */
CLMIX_API clmix_value clmix_linear(clmix_scope at, clmix_value x, size_t features, bool bias);

/* Cross-correlation with zero padding, x (B, H, W, C) -> (B, H', W', channels), H' = floor((H + 2p - k) / s) + 1. weight (kh, kw, C /
 * groups, channels), of the kernel that `window` says; bias (channels), or none. A 1x1 window of stride 1 is clmix_linear_with. */
CLMIX_API clmix_value clmix_conv2d_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_window window);
/* Parameters "weight" (out, C / groups, kh, kw) and, with `bias`, "bias" (out), both uniform in +-1 / sqrt(C / groups kh kw). */
CLMIX_API clmix_value clmix_conv2d(clmix_scope at, clmix_value x, size_t channels, clmix_window window, bool bias);

/* Transposed convolution, x (B, H, W, C) -> (B, (H - 1) s - 2p + k, ..., channels). weight (C, kh, kw, channels), of the kernel that
 * `window` says; bias (channels), or none. groups must be 1. */
CLMIX_API clmix_value clmix_conv_transpose2d_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_window window);
/* Parameters "weight" (C, channels, kh, kw) and, with `bias`, "bias" (channels), both uniform in +-1 / sqrt(channels kh kw). */
CLMIX_API clmix_value clmix_conv_transpose2d(clmix_scope at, clmix_value x, size_t channels, clmix_window window, bool bias);

/* Normalisation over all axes but the last, of C channels: (x - mean) / sqrt(variance + epsilon) weight + bias. In training plans mean and
 * biased variance are the batch's, and the running ones move towards the batch's by `momentum` (unbiased variance); inference plans take
 * the running ones, and so do training plans where they are frozen. weight (C), bias (C); running_mean and running_var (C) must be two
 * states (clmix_state), since they are written. */
CLMIX_API clmix_value clmix_batch_norm_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_value running_mean,
                                            clmix_value running_var, float epsilon, float momentum);
/* Parameters "weight" (ones), "bias" (zeros); states "running_mean" (zeros), "running_var" (ones). */
CLMIX_API clmix_value clmix_batch_norm(clmix_scope at, clmix_value x, float epsilon, float momentum);

/* Normalisation over the last axis, of C channels, biased variance, epsilon inside the root. weight (C), bias (C). */
CLMIX_API clmix_value clmix_layer_norm_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, float epsilon);
/* Parameters "weight" (ones), "bias" (zeros). */
CLMIX_API clmix_value clmix_layer_norm(clmix_scope at, clmix_value x, float epsilon);

/* Channel norm, which CvT has in place of layer norm: (x - mean) / (sqrt(variance) + epsilon) g + b over the last axis, of C channels, biased
 * variance, epsilon outside the root. g (C), b (C). Where all channels of a pixel are equal the root has no derivative, and its part of the
 * gradient is left out. Since 0.3. */
CLMIX_API clmix_value clmix_channel_norm_with(clmix_scope at, clmix_value x, clmix_value g, clmix_value b, float epsilon);
/* Parameters "g" (1, C, 1, 1) (ones), "b" (1, C, 1, 1) (zeros). Since 0.3. */
CLMIX_API clmix_value clmix_channel_norm(clmix_scope at, clmix_value x, float epsilon);

/* Sequence pooling (Hassani et al. 2021), x (B, N, C) -> (B, C): the mean of the tokens weighed by softmax over the tokens of x weight + bias.
 * weight (C, 1), bias (1), or none: it changes nothing and has a gradient of 0. Since 0.3. */
CLMIX_API clmix_value clmix_sequence_pool_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias);
/* Parameters "weight" (1, C) and "bias" (1), both uniform in +-1 / sqrt(C). Since 0.3. */
CLMIX_API clmix_value clmix_sequence_pool(clmix_scope at, clmix_value x);

/* ---- ops without weights ---------------------------------------------------------------------------------------------------------------
 */

/* Haar wavelet pyramid (WaveMix, Jeevan & Sethi 2022, eq. 1-3), db1, odd sizes completed by one zero row or column at the end.
 * x (B, H, W, C) -> all levels' bands as one token list (sum_j B h_j w_j, 4C), level 1 (finest) first, h_j = ceil(h_{j-1} / 2);
 * channels: C approximations of that level, then for each input channel c its details LH, HL, HH at C + 3c + {0, 1, 2}. */
CLMIX_API clmix_value clmix_haar_bands(clmix_value x, int levels);
/* Level j = 1.. of such a list as a map (B, h_j, w_j, 4C): a view. `x` is the map that the bands were made of. */
CLMIX_API clmix_value clmix_haar_level(clmix_value bands, clmix_value x, int level);
/* The same transform as one approximation (B, h_L, w_L, C), returned, and details[j - 1] (B, h_j, w_j, 3C) of each level: views of the
 * bands. details may be NULL. */
CLMIX_API clmix_value clmix_haar_dwt(clmix_value x, int levels, clmix_value *details);
/* Inverse: approximation (B, h_L, w_L, C) and details of levels 1..L -> (B, height, width, C); height and width at most twice the finest
 * details' size and at least one less (0: twice). Where an intermediate approximation is one larger than the finer details its last row or
 * column is dropped. */
CLMIX_API clmix_value clmix_haar_idwt(clmix_value approximation, int levels, const clmix_value *details, size_t height, size_t width);

/* Functions of each element, f32 of any shape. What is NaN stays NaN. */
CLMIX_API clmix_value clmix_elu(clmix_value x);        /* x where it is positive, else e^x - 1. Since 0.2 */
CLMIX_API clmix_value clmix_exp(clmix_value x);        /* e^x, 0 below the least normal float. Since 0.2 */
CLMIX_API clmix_value clmix_gelu(clmix_value x);       /* x/2 (1 + erf(x / sqrt 2)), exact form */
CLMIX_API clmix_value clmix_hard_swish(clmix_value x); /* x min(max(x + 3, 0), 6) / 6, and 0 at minus infinity. Since 0.2 */
CLMIX_API clmix_value clmix_relu(clmix_value x);       /* max(x, 0) */
CLMIX_API clmix_value clmix_sigmoid(clmix_value x);    /* 1 / (1 + e^-x) */
CLMIX_API clmix_value clmix_tanh(clmix_value x);       /* since 0.2 */

/* y = e^x over the sum of e^x along `axis`, which counts from 0, or from -1 backwards; any shape, which y has too. Errors of the graph
 * (ARGUMENT): no such axis. */
CLMIX_API clmix_value clmix_softmax(clmix_value x, int axis);

/* Of any shape. In training plans zeroes each element with probability `rate`, at least 0 and less than 1, and scales the rest by 1 / (1 - rate); nothing in inference plans. The mask
 * comes from a counter (Philox 4x32-10 keyed by the plan's seed and step, this op's number and the element) and is never stored. */
CLMIX_API clmix_value clmix_dropout(clmix_value x, float rate);

/* Drop-path (stochastic depth), x (B, ...): the same for whole samples, each of which is zeroed with probability `rate` or scaled by 1 / (1 - rate).
 * The words are those of the samples' places in the whole batch. Since 0.3. */
CLMIX_API clmix_value clmix_drop_path(clmix_value x, float rate);

/* y = a + b of two f32 values of one shape; or, since 0.2, of two of which one, leading axes of size 1 left out, has the last axes of the
 * other: it is added to each part of the other that has its shape, and y has the other's shape. So (B, N, C) takes (N, C) or (1, N, C), such
 * as positions, (C), such as a bias, and a scalar. The gradient of the smaller one is the sum over these parts, in a fixed order.
 * Errors of the graph (ARGUMENT): other types, other shapes. */
CLMIX_API clmix_value clmix_add(clmix_value a, clmix_value b);
/* y = factor x, of any shape. */
CLMIX_API clmix_value clmix_scale(clmix_value x, float factor);

/* How two values are multiplied; all zero is the plain product. Since 0.2. */
typedef struct clmix_product {
    size_t heads;     /* matrices side by side along the last axis of a, of b and of the result; 0 counts as 1 */
    bool transpose_a; /* a holds the transposes of its matrices, (depth, rows) */
    bool transpose_b; /* b holds the transposes of its matrices, (columns, depth) */
    bool sum_batch;   /* the result is the sum over the batch, in the batch's order, and has no batch: both a and b must have one */
    float scale;      /* factor of the result; 0 counts as 1 */
} clmix_product;

/* Products of matrices, y = scale a b, for each sample and head (attention's scores and contexts, low-rank projections of tokens, mixing of
 * tokens by one matrix). f32: a (B, rows, heads * depth), b (B, depth, heads * columns), y (B, rows, heads * columns). Head h is the h-th
 * of `heads` equal runs of columns of the last axis as stored, also of a value that holds transposes: with transpose_a a is (B, depth,
 * heads * rows), with transpose_b b is (B, columns, heads * depth). So q k^T of q and k (B, N, heads * d) is (B, N, heads * N), and the
 * columns of q, k and v may be slices of one value: nothing is copied, neither there nor of their gradients on the way into that value's.
 * A value of two axes has no batch, and is the same for all samples; where the other has one, its gradient is a sum over the batch, in a
 * fixed order. Where neither has, y has none.
 * Errors of the graph (ARGUMENT): other types, other ranks, heads that do not divide the last axis, inner sizes or batches that differ, a
 * sum over a batch that a or b does not have. Since 0.2. */
CLMIX_API clmix_value clmix_matmul(clmix_value a, clmix_value b, clmix_product product);

/* Rows of a table by their numbers, as embeddings of words are read: table f32 (rows, C), index i32 of any shape, such as (B, N) -> y f32
 * (B, N, C), y[b][n] = table[index[b][n]]. A number outside 0 .. rows - 1 reads nothing: its row of y is NaN, which the loss shows and
 * clmix_plan_find_not_finite names. The gradient of a row of the table is the sum over the places that picked it, in their order, the same
 * bits on every run; numbers outside the table add nothing. Since 0.2.
 * Errors of the graph (ARGUMENT): other types, a table without two axes, an index with CLMIX_MAX_RANK axes. */
CLMIX_API clmix_value clmix_gather(clmix_value table, clmix_value index);

/* `count` values side by side along `axis` (negative counts from the end), which agree in all other axes; but where `axis` lies between the
 * first and the last, a value whose first axis is 1 stands in every sample, as a class token (1, 1, C) in front of tokens (B, N, C) does
 * (since 0.3). Along the first axis, and in wide enough columns along the last one, the inputs are produced in place where the layout allows it. */
CLMIX_API clmix_value clmix_concat(const clmix_value *values, int count, int axis);
/* Elements begin .. begin + length - 1 of an axis, f32 or i32: a view along the first and the last axis. */
CLMIX_API clmix_value clmix_slice(clmix_value x, int axis, size_t begin, size_t length);
/* The same elements, of any type, under another shape of `rank` sizes, with as many elements: a view. */
CLMIX_API clmix_value clmix_reshape(clmix_value x, int rank, const size_t *size);

/* The mean over pixels or tokens, (B, H, W, C) or (B, N, C) -> (B, C). */
CLMIX_API clmix_value clmix_global_average_pool(clmix_value x);
/* The maximum of each window, (B, H, W, C) -> (B, H', W', C), H' as in clmix_conv2d. Padding, at most half a window, counts as minus
 * infinity; the first maximum takes the gradient. */
CLMIX_API clmix_value clmix_max_pool2d(clmix_value x, clmix_window window);

/* Pictures u8 (B, H, W, C) -> f32: (x / 255 - mean[c]) / std[c], c < channels <= 4. */
CLMIX_API clmix_value clmix_normalize(clmix_value pictures, const float *mean, const float *std);

/* Mean cross-entropy of logits (B, K) against labels i32 (B), a scalar; label -100 (CLMIX_NO_LABEL) is left out of the mean, which is 0
 * where nothing is left. Label smoothing spreads `smoothing` evenly over all K classes. With `second` (i32 (B)) and `weight` (f32 (B)) given (graph not NULL) the target is weight * label + (1 -
 * weight) * second, as mixup needs. */
CLMIX_API clmix_value clmix_cross_entropy(clmix_value logits, clmix_value label, float smoothing, clmix_value second, clmix_value weight);
/* How many labels a loss is the mean over: f32 scalar. `loss` is what clmix_cross_entropy gave; another value is an error of the graph
 * (ARGUMENT). Since 0.2. */
CLMIX_API clmix_value clmix_counted(clmix_value loss);
/* How many of the labels i32 (B) are among the k[i] largest of their logits (B, K), as y[i], y (count). Ties go to the lower class. Labels
 * below 0 are left out. No gradient. */
CLMIX_API clmix_value clmix_top_k(clmix_value logits, clmix_value label, int count, const int *k);

#ifdef __cplusplus
}
#endif
#endif
