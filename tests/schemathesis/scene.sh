# What the requests find: an account with a connection that has people, an applied and a held run. Sourced by `run`.
cat >"$data/staff.toml" <<'TOML'
account = "acme"
name = "Staff"
connector = "sftp"
group = "Acme staff"
mode = "active"
import = "active_and_inactive"
group_by = ["department"]
report_to = ["hr@acme.example"]
[fields.unique_id]
from = "id"
[fields.first_name]
from = "name"
[fields.email_1]
from = "mail"
type = "Work"
[fields.department]
from = "dept"
[fields.start_date]
from = "start"
[fields.employment_status]
from = "status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
TOML
ssh-keygen -q -t ed25519 -N '' -f "$data/id"
"$local_stack" connect "$data/staff.toml" --data "$data" --public-key "$data/id.pub" --json >"$data/connected"
export CONNECTION=acme-staff

upload() {
    {
        echo "id,name,mail,dept,start,status"
        for n in $(seq "$2"); do echo "$n,P$n,p$n@acme.example,D$((n % 3)),2026-11-0$((n % 9 + 1)),A"; done
    } >"$data/$1"
    local port
    port=$(python3 -c 'import json,sys; print(json.loads(open(sys.argv[1]).readline())["sftp"].rsplit(":", 1)[1])' "$data/ready")
    sftp -q -b - -P "$port" -i "$data/id" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null acme-staff@127.0.0.1 \
        >/dev/null 2>&1 <<<"put $data/$1 inbound/$1"
}

# Waits until so many runs have this state.
settled() {
    for _ in $(seq 200); do
        [ "$("$local_stack" run list --data "$data" --json | grep -c "\"state\": *\"$1\"")" -ge "$2" ] && return
        sleep 0.1
    done
    echo "no run became $1" >&2
    "$local_stack" run list --data "$data" >&2
    return 1
}

upload day1.csv 40
settled applied 1
# Half of them are missing: the plan waits.
upload day2.csv 20
settled held 1
run_that_is() {
    api "$admin" "/v1/runs?state=$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])'
}
admin=$(token --account acme --role admin)
RUN=$(run_that_is held)
APPLIED=$(run_that_is applied)
export RUN APPLIED
sed 's/"Staff"/"Spare"/; s/"Acme staff"/"Acme spare"/' "$data/staff.toml" >"$data/spare.toml"
"$local_stack" connect "$data/spare.toml" --data "$data" --json >/dev/null
api "$admin" /v1/segments -X POST -H 'content-type: application/json' \
    -d '{"name": "New joiners", "filter": "person.start_date >= days_ago(30)", "visibility": "public"}' >/dev/null
