# Numbers of JSON objects, of which each is a line:  awk -f json.awk -f ...

# The number of a line under a key; "" where there is none.
function number(key,    at, rest)
{
    at = index($0, "\"" key "\":")
    if (at == 0)
        return ""
    rest = substr($0, at + length(key) + 3)
    sub(/[,}].*/, "", rest)
    return rest + 0
}
