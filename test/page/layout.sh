#!/bin/sh
# The pages of clmix-bench in a browser:  sh test/page/layout.sh CLMIX_BENCH
#
# A report of two devices, their comparison, and three devices of which one fails and one is wrong, 390, 768 and 1,280 px wide and on paper: nothing is
# clipped or scrolls sideways, no word is broken, no cell is a thread of letters, no line crosses a plot's text (layout.js). Real results, of small size,
# of PoCL, Intel's runtime and rusticl; but what the reference cases come to is made up.
# Skipped (77) where there is no Chromium, or none that starts.
set -eu
bench=$1
here=$(cd "$(dirname "$0")" && pwd)
browser=
for name in chromium chromium-browser google-chrome; do
    if [ -z "$browser" ] && command -v "$name" >/dev/null 2>&1; then
        browser=$name
    fi
done
if [ -z "$browser" ]; then
    echo "SKIPPED: page.layout: there is no Chromium (Debian: chromium)"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

show()    # show FILE: the page as the browser has it after its scripts
{
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --allow-file-access-from-files --user-data-dir="$folder/profile" --window-size=1400,900 \
        --dump-dom "file://$1" 2>"$folder/errors"
}

echo '<p>ready</p>' >"$folder/ready.html"
if ! show "$folder/ready.html" | grep -q ready; then
    echo "SKIPPED: page.layout: $browser does not start here"
    exit 77
fi
"$bench" collect "$here/pocl.jsonl" "$here/intel.jsonl" --html "$folder/report.html" >"$folder/text"
"$bench" collect "$here/devices.jsonl" --html "$folder/devices.html" >"$folder/text"
"$bench" --compare "$here/pocl.jsonl" "$here/intel.jsonl" --html "$folder/comparison.html" >"$folder/text"
wrong=
for page in report comparison devices; do
    # On paper: what is said of print is said of all, and what of screens of none; A4 without its margins is 680 px wide.
    sed 's/@media print/@media all/; s/@media screen and ([^)]*)/@media not all/' "$folder/$page.html" >"$folder/$page-paper.html"
done
for page in report comparison devices report-paper comparison-paper devices-paper; do
    case $page in
    *-paper) widths=680 ;;
    *) widths="390 768 1280" ;;
    esac
    for width in $widths; do
        cat >"$folder/frame.html" <<END
<body><iframe src="$page.html" width="$width" height="900" style="border:0"></iframe><pre>not looked at</pre>
<script>$(cat "$here/layout.js")
window.onload = () => { document.querySelector('pre').textContent =
    ['', 'LOOKED', ...faults(document.querySelector('iframe').contentDocument, $width), ''].join('\n'); };
</script></body>
END
        show "$folder/frame.html" | sed -n '/<pre>/,/^<\/pre>/p' | grep -v 'pre>' >"$folder/found"
        if [ "$(cat "$folder/found")" != LOOKED ]; then
            echo "$page.html:"
            head -20 "$folder/found"
            wrong=yes
        fi
    done
done
[ -z "$wrong" ]
