# Sourced by the other scripts: steps that say what they do, how long they took, and what is wrong when they fail.

steps_table=()

say() { printf '%s\n' "$*"; }
problem() { printf '\n%s\n' "$*" >&2; }

# step NAME COMMAND…: runs it with its output on the terminal; ends the script with its words when it fails.
step() {
    local name="$1" began ended code=0
    shift
    began=$(date +%s%N)
    printf '==> %s\n' "$name"
    "$@" || code=$?
    ended=$((($(date +%s%N) - began) / 1000000))
    local took
    took="$(printf '%d.%01d s' $((ended / 1000)) $(((ended % 1000) / 100)))"
    if [ "$code" -ne 0 ]; then
        steps_table+=("$(printf '%-44s %10s  failed' "$name" "$took")")
        problem "Failed: $name (after $took). See the lines above."
        return "$code"
    fi
    steps_table+=("$(printf '%-44s %10s' "$name" "$took")")
    printf '    %s: %s\n' "$name" "$took"
}

print_steps() {
    printf '\n%-44s %10s\n' 'step' 'took'
    printf '%s\n' "${steps_table[@]}"
}
