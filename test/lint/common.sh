# Shared by the scripts of this folder, which set `root` first.
: "${root:?is set by the script that reads this}"
failures=0

# forbid WHY PATTERN FILE...: every line of the files whose code (comments and strings blanked) matches the extended pattern is a failure.
forbid()
{
    why=$1 pattern=$2
    shift 2
    for file in "$@"; do
        [ -f "$file" ] || continue
        found=$(awk -f "$root/test/lint/strip.awk" "$file" | grep -n -E "$pattern" || true)
        if [ -n "$found" ]; then
            echo "$found" | sed "s|^|${file#"$root"/}:|"
            echo "  ^ $why"
            failures=$((failures + 1))
        fi
    done
}

finish()
{
    if [ "$failures" -gt 0 ]; then
        echo "$failures failures"
        exit 1
    fi
    echo "ok"
    exit 0
}
