# SPDX-License-Identifier: Apache-2.0
# script/lib/common.sh: what the programs of script/ share: where the checkout is, how they speak
# to a person, and how they print their own help. Sourced, never run.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Colours only for a person at a terminal (https://no-color.org is honoured).
bold='' green='' red='' plain=''
if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

# Progress goes to stderr, so that a program's real output can be piped.
step() { printf '%s==>%s %s\n' "$green" "$plain" "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
die() { printf '%s%s: %s%s\n' "$red" "$(basename "$0")" "$*" "$plain" >&2; exit 1; }

# The help of a script is the comment on its top, between the SPDX line and the first line of code.
usage() { awk 'NR > 2 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

# A wrong option: say which, show the help, and end as the commands of Unix do.
bad_usage() {
    printf '%s%s: %s%s\n\n' "$red" "$(basename "$0")" "$*" "$plain" >&2
    usage >&2
    exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# Processes to run at once: one for each core that this process may use.
jobs_at_once() { nproc 2>/dev/null || echo 2; }
