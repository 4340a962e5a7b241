#!/bin/sh
# Writes the files of one machine from the templates.
#
#   render.sh cluster.env NUMBER FOLDER
#
# NUMBER is 1, 2 or 3. FOLDER is created; its content belongs into $ETC of that machine (the units into
# /etc/systemd/system). Fails where a template asks for a setting that cluster.env does not have.
set -eu

[ $# -eq 3 ] || {
    echo "usage: render.sh cluster.env NUMBER FOLDER" >&2
    exit 2
}
settings="$1" number="$2" folder="$3"
here="$(cd "$(dirname "$0")" && pwd)"
case "$number" in 1 | 2 | 3) ;; *)
    echo "render.sh: the machine's number is 1, 2 or 3, not $number" >&2
    exit 2
    ;;
esac

# Only lines of the form NAME=value are taken, so that the file can do nothing but set. The last of a name wins.
values() {
    awk -F= '/^[A-Z][A-Z0-9_]*=/ { name = $1; sub(/^[^=]*=/, ""); value[name] = $0 }
        END { for (name in value) print name, value[name] }' "$settings"
}
value() { values | sed -n "s/^$1 //p" | tail -n 1; }

script="$(mktemp)"
trap 'rm -f "$script"' EXIT
put() { printf 's|@%s@|%s|g\n' "$1" "$(printf '%s' "$2" | sed 's/[|&\\]/\\&/g')" >>"$script"; }
values | while read -r name text; do put "$name" "$text"; done
put NUMBER "$number"
put NAME "$(value "NAME_$number")"
put ADDRESS "$(value "ADDRESS_$number")"
# The other two, in turn.
put PEER_A "$(value "ADDRESS_$((number % 3 + 1))")"
put PEER_B "$(value "ADDRESS_$(((number + 1) % 3 + 1))")"
# Who gets the public address first. The differences only decide a draw.
put PRIORITY "$((110 - 10 * number))"

mkdir -p "$folder/systemd"
for template in "$here"/templates/* "$here"/systemd/*; do
    [ -f "$template" ] || continue
    case "$template" in
    */systemd/*) target="$folder/systemd/$(basename "$template")" ;;
    *) target="$folder/$(basename "$template")" ;;
    esac
    sed -f "$script" "$template" >"$target"
    if grep -n '@[A-Z][A-Z0-9_]*@' "$target" >&2; then
        echo "render.sh: $settings does not say what the above is ($template)" >&2
        exit 1
    fi
    if [ -x "$template" ]; then chmod 755 "$target"; else chmod 644 "$target"; fi
done
echo "$folder"
