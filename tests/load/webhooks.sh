#!/usr/bin/env bash
# Webhooks under load, on this machine: tests/load/webhooks.sh [SECONDS [CONNECTIONS [dev|release]]]
# Starts a stack with fake providers, connects one connection, sends signed webhooks, each an event of its own, and
# compares what was acknowledged with what was applied.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60} connections=${2:-16} profile=${3:-release}
cargo build -q --profile "$profile" -p muster-local
cargo build -q --profile "$profile" -p muster-tests --example webhook_load
bin=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
data=$(mktemp -d)
RUST_LOG=warn "$bin/muster-local" up --data "$data/stack" --http 127.0.0.1:0 --sftp 127.0.0.1:0 --fakes 127.0.0.1:0 \
  >"$data/ready" 2>"$data/log" &
stack=$!
trap 'kill "$stack" 2>/dev/null || true; wait "$stack" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 100); do [ -s "$data/stack/ready.json" ] && break; sleep 0.1; done
fakes=$(jq -r .fakes "$data/stack/ready.json")
table=$(jq -r .table "$data/ready")
curl -sf -o /dev/null -X POST "$fakes/control/finch/people" -d '{"generate": 50, "seed": 7, "quiet": true}'
cat >"$data/people.toml" <<TOML
account = "acme"
name = "People"
connector = "finch"
mode = "active"
report_to = ["hr@acme.example"]
[provider]
base_url = "$fakes/finch"
connection_id = "c-1"
[credentials]
access_token = "finch-token"
webhook_secret = "ZmluY2gtZXhhbXBsZS1zaWduaW5nLWtleS0zMmJ5dGU="
[fields.unique_id]
from = "id"
[fields.first_name]
from = "first_name"
TOML
url=$("$bin/muster-local" connect "$data/people.toml" --data "$data/stack" --json | jq -r .webhook_url)
# The first listing.
for _ in $(seq 200); do
  mails=$(curl -sf "${url%/webhooks/*}/mail/" | grep -c 'hr@acme.example' || true)
  [ "$mails" -gt 0 ] && break
  sleep 0.1
done
people=$(curl -sf "$fakes/control/finch/state" | jq -r '[.people[].id] | join(",")')
"$bin/examples/webhook_load" "$url" "$table" "$people" "$seconds" "$connections"
