# Reads clang's -ast-dump and prints each cast between pointers to elements of different type.

# The first quoted type of a line.
function type_of(line)
{
    if (!match(line, /'[^']*'/))
        return ""
    return substr(line, RSTART + 1, RLENGTH - 2)
}

# "const __global floatvu *" is of "float": without qualifiers, pointers and what makes a vector or an array of it.
function element(type,    depth)
{
    for (depth = 0; depth < 8; depth++) {
        gsub(/__attribute__.*|(^| )(const|volatile|restrict|__global|__local|__private|__constant|__generic|__restrict)( |$)/, " ", type)
        gsub(/(const|volatile|__global|__local|__private|__constant|__generic) /, "", type)
        gsub(/\[[0-9]*\]|\*/, "", type)
        gsub(/^ +| +$/, "", type)
        if (!(type in meaning))
            break
        type = meaning[type]
    }
    return type
}

/TypedefDecl/ {
    name = $0
    sub(/ *'.*/, "", name)
    sub(/.* /, "", name)
    if (type_of($0) != name)
        meaning[name] = type_of($0)
}

/CStyleCastExpr/ {
    wanted = $0 ~ /<BitCast>|<AddressSpaceConversion>/ && type_of($0) ~ /\*$/ ? type_of($0) : ""
    next
}

wanted != "" {
    to = element(wanted)
    from = element(type_of($0))
    if (to != from && !(from == "unsigned short" && to == "half") && !((from ":" to) in told)) {
        print file ": a cast from '" type_of($0) "' to '" wanted "': " from " and " to " are not one type to a compiler"
        told[from ":" to] = 1
    }
    wanted = ""
}
