# Loops of a listing of machine code, for the programs that read one (nvidia.awk, intel.awk). A loop is what lies between a label and the last
# branch back to it. Call loop_label, loop_instruction and loop_branch in the order of the listing, then loop_best: it sets best_fmas and
# best_vectors, the counts of the loop that holds the most multiply-adds of those that have no loop inside; 0 where nothing loops.

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
function loop_holds(outer, inner)
{
    return outer != inner && first_of[outer] <= first_of[inner] && last_of[inner] <= last_of[outer]
}
function loop_best(    i, j, at, fmas, vectors)
{
    best_fmas = best_vectors = 0
    for (i = 1; i <= loop_count; i++) {
        for (j = 1; j <= loop_count && !loop_holds(i, j); j++)
            ;
        if (j <= loop_count)
            continue
        fmas = vectors = 0
        for (at = first_of[i]; at <= last_of[i]; at++) {
            fmas += fmas_of[at]
            vectors += vectors_of[at]
        }
        if (fmas > best_fmas || best_vectors == 0) {
            best_fmas = fmas
            best_vectors = vectors
        }
    }
}
