/* Ops that mix tokens. As in ops.h: each takes values and gives a value of the same graph, shapes are checked at once, an op on a poisoned
 * value, or on one of no graph, gives a poisoned one. Heads are runs of columns: head h of a value (B, N, heads * d) has the columns h d ..
 * h d + d - 1, so that slices of one product serve as queries, keys and values without a copy. All are there since 0.3,
 * unless a later version is named. */
#ifndef CLMIX_MIXING_H
#define CLMIX_MIXING_H

#include <clmix/graph.h>
#include <clmix/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- softmax attention ---------------------------------------------------------------------------------------------------------------- */

/* How queries see keys; all zero but `heads` is plain attention. */
typedef struct clmix_attention_options {
    size_t heads;     /* of queries, at least 1 */
    size_t kv_heads;  /* of keys and values, a divisor of `heads`: head h of queries sees head h / (heads / kv_heads); 0: `heads` */
    float scale;      /* of the scores; 0: 1 / sqrt(d) */
    bool causal;      /* query i sees no key behind i */
    size_t window;    /* query i of window i / window sees the keys of that window, the one before and the one behind; 0: all keys */
    size_t zero_keys; /* further keys of zeros, of which the values are zeros: padding that is not masked. Every query sees them */
    float dropout;    /* rate at which training plans drop weights, at least 0 and less than 1: the others grow by 1 / (1 - rate) */
} clmix_attention_options;

/* y = softmax(scale q k^T) v, for each sample and head. q (B, N, heads * d), k (B, M, kv_heads * d), v (B, M, kv_heads * dv), all f32 ->
 * (B, N, heads * dv). N and M may differ, but not with `causal` or `window`. mask i32 (B, M), or a value of no graph for none: keys whose
 * mask is 0 are seen by no query. A query that sees no key gets zeros, and sends no gradient.
 *
 * The N x M weights are never in memory: a training plan keeps one number a query and head, and forms the weights again in the backward
 * pass, as it does dropout's choice, which is drawn from a counter of seed, step, op, sample, head, query and key. The gradient of a head of
 * keys or values that several heads of queries share is the sum over them, in their order.
 * Errors of the graph (ARGUMENT): other types or ranks, batches or lengths that do not fit, heads that do not divide the last axes, a
 * dropout rate out of its range. */
CLMIX_API clmix_value clmix_attention(clmix_value q, clmix_value k, clmix_value v, clmix_value mask, clmix_attention_options options);

/* ---- linear attention ----------------------------------------------------------------------------------------------------------------- */

/* y_i = (sum over j of (phi_q_i . phi_k_j) v_j) / (sum over j of phi_q_i . phi_k_j), for each sample and head, of features of queries (B, N, heads *
 * m), of keys (B, M, heads * m) and values (B, M, heads * d), all f32 -> (B, N, heads * d). The sums over keys come first, so that work and
 * memory are linear in N and M: a training plan keeps m d numbers a head and one a query and head. Heads of 0 count as 1. Nothing is added to the
 * divisor: features are to be positive. Where it is 0, as of a query that sees no key, y is 0, and so are its gradients.
 * Errors of the graph (ARGUMENT): other types or ranks, batches, lengths or features that do not fit, heads that do not divide the last axes, more
 * features and values a head than kernels have room for (3,552 together). */
CLMIX_API clmix_value clmix_linear_attention(clmix_value query_features, clmix_value key_features, clmix_value values, size_t heads);

/* What linear attention divides by. */
typedef enum clmix_divisor {
    CLMIX_DIVISOR_ADDED,   /* the sum and epsilon: phi_q_i . z + epsilon, z the sum of the keys' features */
    CLMIX_DIVISOR_CLAMPED, /* the sum, but at least epsilon; where it is epsilon it is a constant to the gradient */
    CLMIX_DIVISOR_EACH,    /* epsilon is added to each component of z */
    CLMIX_DIVISOR_NONE     /* 1 */
} clmix_divisor;

/* How features are put together; all zero is plain linear attention. Since 0.4. */
typedef struct clmix_kernel_options {
    size_t heads;          /* 0 counts as 1 */
    clmix_divisor divisor; /* what is divided by */
    float epsilon;         /* of the divisor */
    bool causal;           /* token i sees itself and those before it: both lengths are one */
} clmix_kernel_options;

/* Linear attention with all that the papers do to it: as clmix_linear_attention, but each key j of head h counts weights[b][h][j] times, in the
 * sum of values and in the divisor. weights f32 (B, heads, M), to which a gradient flows, or a value of no graph for ones. Causal attention goes
 * through the tokens in chunks, with the state of those before: work and memory stay linear, there is no N x N matrix and no state a token; a
 * training plan keeps one number a query and head, and sums the states again. Errors of the graph (ARGUMENT) as there, and: weights of another
 * shape, no such divisor, causal attention of two lengths. Since 0.4. */
CLMIX_API clmix_value clmix_kernel_attention(clmix_value query_features, clmix_value key_features, clmix_value values, clmix_value weights,
                                             clmix_kernel_options options);

/* What a map makes of a token's d channels in each head. */
typedef enum clmix_map {
    CLMIX_MAP_IDENTITY,      /* x */
    CLMIX_MAP_SIGMOID,       /* 1 / (1 + e^-x) */
    CLMIX_MAP_RELU,          /* max(x, 0) */
    CLMIX_MAP_ELU,           /* x + 1 where x is positive, else e^x */
    CLMIX_MAP_SOFTMAX,       /* softmax over the d channels of the token */
    CLMIX_MAP_SOFTMAX_TOKENS /* softmax over the tokens, a channel at a time */
} clmix_map;

/* Features for clmix_kernel_attention by a map, x (B, N, heads * d) -> the same shape. mask i32 (B, N), or a value of no graph for none: tokens whose
 * mask is 0 have features of zeros, send nothing back, and are left out of a softmax over the tokens. With `turned` each token's features are
 * taken twice, times sin(t) and times cos(t), t = pi (n + 1) / (2 N) of token n: (B, N, heads * 2 d), a head's sines first (cosFormer; not of a
 * softmax). Heads of 0 count as 1. A training plan forms the features again in the backward pass; in the wide form they are never in memory where
 * clmix_kernel_attention alone reads them, and is not causal. Errors of the graph (ARGUMENT): other types or ranks, heads that do not divide the
 * last axis, no such map, wider heads than kernels have room for (features and d together beyond 3,552). Since 0.4. */
CLMIX_API clmix_value clmix_feature_map(clmix_value x, clmix_value mask, size_t heads, clmix_map map, bool turned);

/* Means of such features over the tokens whose mask is not 0, (B, N, heads * d) -> (B, heads * d); zeros where there is no token. The features are
 * never in memory. Errors of the graph (ARGUMENT) as there. Since 0.4. */
CLMIX_API clmix_value clmix_feature_means(clmix_value x, clmix_value mask, size_t heads, clmix_map map);

/* Which function of the projection Performer's features are. */
typedef enum clmix_performer_kernel {
    CLMIX_PERFORMER_SOFTMAX, /* positive features, whose products estimate e^(q . k / sqrt(d)) */
    CLMIX_PERFORMER_RELU     /* max(u, 0) + 1e-3 */
} clmix_performer_kernel;

/* What the maximum is over that softmax features subtract. */
typedef enum clmix_performer_maximum {
    CLMIX_MAXIMUM_TOKEN,  /* the features of a token in a head: queries */
    CLMIX_MAXIMUM_SAMPLE, /* all tokens, heads and features of a sample: keys, each sample on its own */
    CLMIX_MAXIMUM_BATCH,  /* of the whole batch: keys as the authors have them, so that samples of a batch meet */
    CLMIX_MAXIMUM_HEAD    /* of a sample's tokens in one head: keys, as later code has them. Since 0.4 */
} clmix_performer_maximum;

/* Which features. */
typedef struct clmix_performer_options {
    clmix_performer_kernel kernel;   /* the function */
    clmix_performer_maximum maximum; /* of softmax features */
    bool constant;                   /* the maximum is a constant to the gradient. Since 0.4 */
    clmix_value mask; /* i32 (B, N): tokens whose mask is 0 have features of zeros and no part in the maximum; none: all count. Since 0.4 */
} clmix_performer_options;

/* Random features of Performer (Choromanski et al. 2021) of tokens x (B, N, heads * d), for linear attention: with u = d^(-1/4) x P^T in each head,
 * P the projection (m, d) that all heads share,
 *     softmax:  m^(-1/2) (exp(u - |x|^2 / (2 sqrt(d)) - max u) + 1e-4)        ReLU:  max(u, 0) + 1e-3
 * -> (B, N, heads * m), f32. The maximum is differentiated: its gradient goes to the features of the token, or of the sample or batch, that
 * have it, in equal shares. None flows into the projection. Heads of 0 count as 1. A training plan forms the
 * features again in the backward pass; in the wide form they are never in memory where clmix_linear_attention alone reads them.
 * Errors of the graph (ARGUMENT): other types or ranks, a projection that is not (m, d), no such kernel or maximum, more features than kernels have
 * room for (m + d beyond 3,552). */
CLMIX_API clmix_value clmix_performer_features(clmix_value x, clmix_value projection, size_t heads, clmix_performer_options options);

/* ---- multiresolution attention ----------------------------------------------------------------------------------------------------------- */

/* Which blocks of the matrix of scores are computed in full, for each sample and head. Since 0.4. */
typedef struct clmix_multiresolution_options {
    size_t heads;           /* 0 counts as 1 */
    size_t block;           /* tokens of a block; 0: 32 */
    size_t blocks;          /* how many of the nb^2 blocks are chosen, at least 1; more than there are count as all */
    size_t first_blocks;    /* blocks of so many first rows, and of so many first columns, are chosen before others */
    size_t diagonal_blocks; /* and so are blocks (i, j) with |i - j| <= diagonal_blocks / 2, rounded down; 0: none */
    bool sparse; /* the other blocks add nothing: MRA-2-s; else each counts by the means of its queries, keys and values: MRA-2 */
} clmix_multiresolution_options;

/* MRA-2 (Zeng et al. 2022): softmax attention of which the most important blocks are exact. The N tokens are cut into nb = ceil(N / block) blocks, of which
 * the means q^_i, k^_j, v^_j over the tokens that are there give coarse scores L_ij = q^_i . k^_j / sqrt(d); of all nb^2 blocks the `blocks` are chosen
 * whose L_ij are closest to the largest one of their row (equals by i nb + j), those that a prior names before them, blocks without a token last. With
 * F = q k^T / sqrt(d) on chosen blocks and c_j tokens in block j,
 *     y_t = (sum of e^F_tu v_u + sum over j of c_j e^L_ij v^_j) / (sum of e^F_tu + sum over j of c_j e^L_ij),
 * j over the blocks that are not chosen in row i of token t. The divisor is 1e-6 larger, in units of e to the larger of the row's maximum of F and that of
 * L. q, k (B, N, heads * d), v (B, N, heads * dv), f32 -> (B, N, heads * dv). mask i32 (B, N), or a value of no graph for none: tokens whose mask is 0
 * are in no mean, seen by no query, and get zeros themselves. N need be no multiple of `block`: what lacks in the last one is such tokens.
 *
 * The choice is made on the device, of the same bits the same one, and is constant to the gradient. Work and memory of the chosen blocks are linear in
 * `blocks`: they are never in memory, a training plan keeps one number a query and head; besides two matrices of nb^2 a head.
 * Errors of the graph (ARGUMENT): other types or ranks, batches, lengths or widths that do not fit, heads that do not divide the last axes, no
 * blocks. Since 0.4. */
CLMIX_API clmix_value clmix_multiresolution_attention(clmix_value q, clmix_value k, clmix_value v, clmix_value mask,
                                                      clmix_multiresolution_options options);

/* ---- whole tokens ----------------------------------------------------------------------------------------------------------------------- */

/* x f32 (B, N, C) with zeros in the tokens whose mask, i32 (B, N), is 0; x itself where the mask is a value of no graph. Errors of the graph
 * (ARGUMENT): other types or shapes. Since 0.4. */
CLMIX_API clmix_value clmix_mask_tokens(clmix_value x, clmix_value mask);

/* The tokens of a map, height and width in `map`, one behind the other row by row, as its patches of `patch` one behind the other row by row, each row by
 * row itself: neighbours on the map are then close in the sequence. With `back` the other way. x f32 or i32 (B, map[0] * map[1], ...) -> the same
 * shape; the gradient is the way back. Neither pointer may be NULL. Errors of the graph (ARGUMENT): other types, another number of tokens, patches
 * that do not cover the map. Since 0.4. */
CLMIX_API clmix_value clmix_patch_order(clmix_value x, const size_t map[2], const size_t patch[2], bool back);

/* y[b][n][c] = x[b][n][c] scale[b][c], x f32 (B, N, C), scale f32 (B, C). Errors of the graph (ARGUMENT): other types or shapes. Since 0.4. */
CLMIX_API clmix_value clmix_scale_channels(clmix_value x, clmix_value scale);

/* Means of the tokens up to each one, itself included: y[n] = (sum over t <= n of m_t x_t) / max(1, sum over t <= n of m_t), x f32 (B, N, C) -> the
 * same shape, m the mask, i32 (B, N), or ones where it is a value of no graph. Errors of the graph (ARGUMENT): other types or shapes. Since 0.4. */
CLMIX_API clmix_value clmix_running_means(clmix_value x, clmix_value mask);

/* Each token's head times its column of a table that all samples and heads share: y[b][h][n] = sum over c < r of x[b][n][h r + c] table[c][n], x f32
 * (B, N, heads * r), table f32 (r, N) -> (B, heads, N), the shape of clmix_kernel_attention's weights. Heads of 0 count as 1. Errors of the graph
 * (ARGUMENT): other types or shapes. Since 0.4. */
CLMIX_API clmix_value clmix_token_dots(clmix_value x, clmix_value table, size_t heads);

/* ---- positions ------------------------------------------------------------------------------------------------------------------------ */

/* Which elements of a head make a pair. */
typedef enum clmix_rotary_form {
    CLMIX_ROTARY_PAIRS, /* neighbours, 2j and 2j + 1 */
    CLMIX_ROTARY_HALVES /* j and j + d / 2 */
} clmix_rotary_form;

/* Rotary position embedding (Su et al. 2021) of tokens x (B, N, heads * d): pair j = 0 .. d / 2 - 1 of each head, (a, b), becomes (a cos - b
 * sin, b cos + a sin), with sin = table[n][j] and cos = table[n][d / 2 + j] of token n. table f32 (R, d), R >= N, of which the first N rows
 * count, is the same for all samples and gets no gradient; heads of 0 count as 1. y has x's shape, and the gradient of x is the turn back.
 * Errors of the graph (ARGUMENT): other types, an x without three axes, an odd d, a table of another width or with fewer than N rows, no
 * such form. */
CLMIX_API clmix_value clmix_rotary(clmix_value x, clmix_value table, size_t heads, clmix_rotary_form form);

/* The papers' table as a constant, (rows, width): row p has the sines of the angles p 10000^(-2j / width), j < width / 2, then their cosines,
 * of angles in float32 as theirs are. Errors of the graph (ARGUMENT): an odd width. */
CLMIX_API clmix_value clmix_rotary_table(clmix_graph *graph, size_t rows, size_t width);
/* What fills it, for tables in other places (a state that is saved with the weights): a clmix_constant_fill of two axes that reads no `data`,
 * which may be NULL. `values` must not be. */
CLMIX_API clmix_status clmix_rotary_fill(void *values, clmix_shape shape, const void *data);

/* ---- mixing without weights ------------------------------------------------------------------------------------------------------------ */

/* Fourier mixing (FNet, Lee-Thorp et al. 2021): the real part of the discrete transform of x (B, N, D) over tokens and features, not scaled,
 * y[n][k] = sum over a, b of x[a][b] cos(2 pi (a n / N + b k / D)), of x's shape. Every N and D will do, exactly: lengths with small factors
 * take the least work. Memory besides x and y is the same for every batch. The gradient is the same transform. Errors of the graph
 * (ARGUMENT): other types, an x without three axes. */
CLMIX_API clmix_value clmix_fourier_mix(clmix_value x);

/* ---- cosine transforms ------------------------------------------------------------------------------------------------------------------- */

/* The orthonormal cosine transform (type II) along the tokens, of which the first n = `coefficients` are kept (all N where there are fewer tokens), x f32
 * (B, N, C) -> (B, n, C):
 *     y[k] = a_k sum over t of x[t] cos(pi (2t + 1) k / (2 N)),   a_0 = sqrt(1 / N), a_k = sqrt(2 / N).
 * The gradient is the inverse transform of the result's. Computed as one product with the (n, N) matrix of cosines, which is made once for all
 * transforms of these sizes, or by way of a Fourier transform in two stages (Makhoul 1980), whichever the device is faster with (CLMIX_DCT=matrix or
 * fourier prescribes one; lengths that are prime take the matrix). Errors of the graph (ARGUMENT): other types, an x without three axes, no
 * coefficients. Since 0.4. */
CLMIX_API clmix_value clmix_dct(clmix_value x, size_t coefficients);
/* Its transpose, x f32 (B, n, C) -> (B, N, C), N = `tokens` and at least n: y[t] = sum over k < n of a_k x[k] cos(pi (2t + 1) k / (2 N)), the inverse
 * where the coefficients that are not there are zeros. The gradient is clmix_dct of the result's. Errors as there, and: fewer tokens than
 * coefficients. Since 0.4. */
CLMIX_API clmix_value clmix_dct_inverse(clmix_value x, size_t tokens);

/* The same along tokens and channels, x f32 (B, N, M) -> (B, rows, columns), at most N and M of them; and its transpose, (B, n, m) -> (B, rows,
 * columns), at least n and m. Along the channels it is always a product with a matrix. Errors as there. Since 0.4. */
CLMIX_API clmix_value clmix_dct2(clmix_value x, size_t rows, size_t columns);
CLMIX_API clmix_value clmix_dct2_inverse(clmix_value x, size_t rows, size_t columns);

/* The matrix of these transforms as a constant, f32 (coefficients, tokens), a row a frequency; angles are reduced as integers. Errors of the graph
 * (ARGUMENT): no coefficients, or more than tokens. Since 0.4. */
CLMIX_API clmix_value clmix_dct_matrix(clmix_graph *graph, size_t coefficients, size_t tokens);

/* ---- Nystrom attention ---------------------------------------------------------------------------------------------------------------- */

/* What the maxima are over that a pseudo-inverse starts by. Since 0.4; before, a bool: the first two. */
typedef enum clmix_inverse_maxima {
    CLMIX_INVERSE_BATCH,  /* all matrices, so that samples of a batch meet */
    CLMIX_INVERSE_SAMPLE, /* all heads of a sample */
    CLMIX_INVERSE_MATRIX  /* each matrix */
} clmix_inverse_maxima;

/* The iterative Moore-Penrose pseudo-inverse of square matrices side by side, x f32 (B, m, heads * m) -> the same shape (heads of 0 count as 1):
 *     Z_0 = x^T / (max r max c),   `iterations` times (1 to 64)  Z <- Z (13 I - x Z (15 I - x Z (7 I - x Z))) / 4,
 * r and c the sums of |x| along the rows and along the columns of a matrix. The maxima are over all matrices of the batch, so that a sample's
 * result depends on its neighbours, slightly; or over fewer. They are differentiated too: each goes to the
 * rows, or columns, that have it, in equal shares. Memory for a matrix and 4 `iterations` more lives during the gradient, for as many
 * matrices as the device works on at a time. Errors of the graph (ARGUMENT): other types, no square matrices, other iterations, no
 * such maxima. */
CLMIX_API clmix_value clmix_pseudo_inverse(clmix_value x, size_t heads, int iterations, clmix_inverse_maxima maxima);

/* Means of `segments` runs of l = ceil(N / segments) tokens, x f32 (B, N, C) -> (B, segments, C). Where segments do not divide N, zero rows in
 * front of the tokens fill up the first runs; they are counted. Errors of the graph (ARGUMENT): other types, axes, no segments. */
CLMIX_API clmix_value clmix_segment_means(clmix_value x, size_t segments);
/* The same with the zero rows behind the tokens. Since 0.4. */
CLMIX_API clmix_value clmix_segment_means_behind(clmix_value x, size_t segments);

/* ---- convolutions along tokens --------------------------------------------------------------------------------------------------------- */

/* Depthwise convolution along the tokens with one kernel a head, which all d features of the head share: x (B, N, heads * d) -> the same
 * shape, y[n] = sum over t < k of weight[head][t] x[n - (k - 1) / 2 + t], zeros beyond the ends. weight f32 (heads, k), or with more axes of
 * that many elements, as in (heads, 1, k, 1); k odd, at most 1023; heads of 0 count as 1. */
CLMIX_API clmix_value clmix_token_conv_with(clmix_scope at, clmix_value x, clmix_value weight, size_t heads);
/* Parameter "weight" (heads, 1, kernel, 1), uniform in +-1 / sqrt(kernel). */
CLMIX_API clmix_value clmix_token_conv(clmix_scope at, clmix_value x, size_t heads, size_t kernel);

/* A window along tokens, for the next two: of `kernel` taps, one group. */
CLMIX_API clmix_window clmix_line(size_t kernel, size_t stride, size_t padding);
/* Cross-correlation along tokens with zero padding, x (B, N, C) -> (B, N', channels), N' = floor((N + 2 padding - kernel) / stride) + 1. weight
 * (kernel, C / groups, channels), bias (channels) or none. `window` as clmix_line has it, with any groups. */
CLMIX_API clmix_value clmix_conv1d_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_window window);
/* Parameters "weight" (channels, C / groups, kernel) and, with `bias`, "bias" (channels), both uniform in +-1 / sqrt(C / groups kernel). */
CLMIX_API clmix_value clmix_conv1d(clmix_scope at, clmix_value x, size_t channels, clmix_window window, bool bias);

#ifdef __cplusplus
}
#endif
#endif
