#!/bin/sh
# The library never prints, exits or aborts, keeps no parsing of arguments, and uses no function that is unsafe by design.
set -eu
root=${1:-.}
. "$root/test/lint/common.sh"

calls()
{
    echo "(^|[^A-Za-z0-9_>.])($1) *\\("
}

set -- "$root"/lib/*/*.c "$root"/lib/*/*.h "$root"/models/*.c "$root"/models/*.h "$root"/models/*/*.c "$root"/models/*/*.h
forbid 'the library does not print' "$(calls 'printf|vprintf|puts|putchar|perror|psignal')" "$@"
forbid 'the library does not write to the standard streams' '(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)' "$@"
forbid 'the library does not end the process' "$(calls 'exit|_exit|_Exit|quick_exit|abort|assert|raise|atexit')" "$@"
forbid 'the library does not read from the terminal or parse arguments' "$(calls 'getopt|getopt_long|poptGetContext|gets|scanf')" "$@"
forbid 'use snprintf, a length, or a reentrant function' "$(calls 'sprintf|vsprintf|strcpy|strcat|strtok|tmpnam|mktemp|alloca|rand|srand|atoi|atof|atol')" "$@"
forbid 'programs use snprintf and strtol too' "$(calls 'sprintf|vsprintf|strcpy|strcat|strtok|tmpnam|mktemp|gets|rand|srand|atoi|atof|atol')" "$root"/tools/*.c "$root"/tools/*/*.c
for file in "$root"/lib/*/*.[ch] "$root"/models/*.[ch] "$root"/models/*/*.[ch] "$root"/tools/*.[ch] "$root"/tools/*/*.[ch]; do
    if [ "$file" != "$root/lib/base/file.c" ] && [ "$file" != "$root/lib/base/lock.c" ]; then
        forbid 'lib/base/file.c opens files (lib/base/lock.c those that are locks), so that no pipe and no device is waited for' "$(calls 'fopen|freopen|open|open64|openat|creat|gzopen|popen|mkstemp|tmpfile')" "$file"
    fi
done
finish
