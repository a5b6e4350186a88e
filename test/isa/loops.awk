# Loops of a listing of machine code, for the programs that read one (nvidia.awk, intel.awk). A loop is what lies between a label and the last
# branch back to it. Call loop_label, loop_instruction and loop_branch in the order of the listing, then loop_best: it sets best_fmas and
# best_vectors, the counts of the innermost loop that holds the most multiply-adds, without those of loops inside it; 0 where nothing loops.

function loop_begin() {
    instruction_count = loop_count = 0
    split("", label_at)
}
function loop_label(name) { label_at[name] = instruction_count + 1 }
function loop_instruction(fmas, vectors) {
    instruction_count++
    fmas_of[instruction_count] = fmas
    vectors_of[instruction_count] = vectors
}
function loop_branch(name,    i)    # a branch that is the instruction given last
{
    if (!(name in label_at) || label_at[name] > instruction_count)
        return
    for (i = 1; i <= loop_count; i++)
        if (first_of[i] == label_at[name]) {
            last_of[i] = instruction_count
            return
        }
    loop_count++
    first_of[loop_count] = label_at[name]
    last_of[loop_count] = instruction_count
}
function loop_best(    i, at, inner)
{
    best_fmas = best_vectors = 0
    for (i = 1; i <= loop_count; i++)
        fmas_in[i] = vectors_in[i] = 0
    for (at = 1; at <= instruction_count; at++) {
        inner = 0
        for (i = 1; i <= loop_count; i++)
            if (first_of[i] <= at && at <= last_of[i] && (inner == 0 || last_of[i] - first_of[i] < last_of[inner] - first_of[inner]))
                inner = i
        fmas_in[inner] += fmas_of[at]
        vectors_in[inner] += vectors_of[at]
    }
    for (i = 1; i <= loop_count; i++)
        if (fmas_in[i] > best_fmas || best_vectors == 0) {
            best_fmas = fmas_in[i]
            best_vectors = vectors_in[i]
        }
}
