// Partial weight gradients into their sum, a work-item a weight.
#ifndef WG
#define WG 64    // work-items in a group
#endif

// Index space: weights (ky, kx, c, n), n innermost. gradient[ky ky_step + kx kx_step + c c_step + n n_step] = sum over chunks, in their
// order, of partial[chunk][ky][kx][c][n]. Reads each partial once, writes each weight once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void conv_reduce(__global const float *partial, const uint partial_at,
                                                                          __global float *gradient, const uint gradient_at, const int chunks,
                                                                          const int count, const int kernel_width, const int channels,
                                                                          const int outputs, const int ky_step, const int kx_step,
                                                                          const int c_step, const int n_step)
{
    const int e = get_global_id(0);
    if (e < count) {
        const int n = e % outputs, c = e / outputs % channels, tap = e / outputs / channels;
        float sum = 0.0f;
        for (int chunk = 0; chunk < chunks; chunk++)
            sum += partial[partial_at + chunk * count + e];
        gradient[gradient_at + tap / kernel_width * ky_step + tap % kernel_width * kx_step + c * c_step + n * n_step] = sum;
    }
}
