// What the two kernels of attention within chosen blocks share on processors: keys and values of a row's chosen blocks, gathered in local memory one
// block behind the other. From there on they are multiplied as those of attention_wide.h.
#ifndef CLMIX_BLOCK_ATTENTION_WIDE_H
#define CLMIX_BLOCK_ATTENTION_WIDE_H

#ifndef REST
#define REST 1    // 0: blocks that are not chosen add nothing
#endif

// The next run of keys of a row's chosen blocks: so many tokens from `token` on, at most `room`, of one block. (at, row) is where it begins, the
// chosen block's number and the token in it, and becomes where the one behind it does.
INLINE uint next_run(uint *at, uint *row, uint *token, const __global int *chosen, const uint blocks, const uint block, const uint tokens,
                     const uint room)
{
    const uint j = (uint)chosen[*at] % blocks, behind = min((j + 1) * block, tokens);
    *token = j * block + *row;
    const uint some = min(behind - *token, room);
    *row = *token + some == behind ? 0 : *row + some;
    *at += *row == 0 ? 1 : 0;
    return some;
}

// `rows` rows of `columns` floats as rows of whole vectors; zeros for tokens that the mask leaves out.
INLINE void gather_rows(__local float *to, const __global float *from, const size_t pitch, const __global int *mask, const uint rows,
                        const uint columns)
{
    for (uint r = 0; r < rows; r++)
        for (uint x = 0; x < columns; x += VW)
            STOREV_LOCAL(!MASKED || mask[r] != 0 ? load_lanes(from + r * pitch + x, columns - x) : (floatv)(0.0f),
                         to + r * WHOLE(columns) + x);
}

INLINE void clear_rows(__local float *to, const uint rows, const uint pitch)
{
    for (uint i = 0; i < rows * pitch; i += VW)
        STOREV_LOCAL((floatv)(0.0f), to + i);
}

// Keys, values and biases of up to `key_block` tokens of the chosen blocks `at` .. `end` - 1; rows of zeros complete the last tile, and what is
// added to scores is minus infinity where there is no key. Returns how many; `short_one` says whether a block among them ends behind the tokens.
INLINE uint gather_keys(__local float *keys, __local float *values, __local float *bias, uint *at, uint *row, const uint end,
                        const uint key_block, const __global int *chosen, const uint blocks, const uint block, const uint tokens,
                        const __global float *k, const size_t k_pitch, const __global float *v, const size_t v_pitch,
                        const __global int *mask, bool *short_one)
{
    uint count = 0;
    *short_one = false;
    while (*at < end && count < key_block) {
        uint token;
        const uint some = next_run(at, row, &token, chosen, blocks, block, tokens, key_block - count);
        gather_rows(keys + count * HEAD_PITCH, k + token * k_pitch, k_pitch, mask + token, some, HEAD);
        gather_rows(values + count * VALUE_PITCH, v + token * v_pitch, v_pitch, mask + token, some, VALUE);
        for (uint r = 0; r < some; r++)
            bias[count + r] = !MASKED || mask[token + r] != 0 ? 0.0f : -INFINITY;
        *short_one = *short_one || (token + some == tokens && tokens % block != 0);
        count += some;
    }
    const uint more = (count + MR - 1) / MR * MR - count;
    clear_rows(keys + count * HEAD_PITCH, more, HEAD_PITCH);
    clear_rows(values + count * VALUE_PITCH, more, VALUE_PITCH);
    for (uint r = 0; r < more; r++)
        bias[count + r] = -INFINITY;
    return count;
}

#endif
