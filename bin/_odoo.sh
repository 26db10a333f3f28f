# shellcheck shell=bash
# Where Odoo's source comes from. Sourced by bin/bootstrap after _lib.sh; find_odoo sets ODOO_PATH.

is_odoo_19() { [[ -r $1/release.py ]] && grep -q '^version_info = (19, 0,' "$1/release.py"; }

find_odoo() {
    local python=$1 found tree
    if [[ -n ${ODOO_DIR:-} ]]; then
        found=$(cd "$ODOO_DIR" 2>/dev/null && pwd)/odoo
        is_odoo_19 "$found" || die "ODOO_DIR=$ODOO_DIR is not an Odoo 19.0 source tree" \
            "(it has no odoo/release.py of that series). Correct it, or unset it to have one fetched."
    elif found=$("$python" -c 'import odoo.release as r, os; print(os.path.dirname(os.path.realpath(r.__file__)))' \
        2>/dev/null) && is_odoo_19 "$found"; then
        : # Odoo is installed for this Python
    else
        tree=$CACHE/odoo/19.0
        [[ -d $tree ]] || fetch_odoo "$tree"
        found=$tree/odoo # as in the repository
        [[ -d $found ]] || found=$tree/usr/lib/python3/dist-packages/odoo # as in the package
    fi
    # A folder with nothing but Odoo in it goes into PYTHONPATH, so that whatever
    # else lies beside Odoo does not hide the packages of the virtual environment.
    ODOO_PATH=$CACHE/odoo/path-$(printf '%s' "$found" | sha256sum | cut -c1-8)
    mkdir -p "$ODOO_PATH"
    ln -sfn "$found" "$ODOO_PATH/odoo"
    # A script, not "python -m odoo", because Odoo starts itself again by its script's path
    # (--dev=reload, and the process for websockets when there are workers).
    printf '%s\n' 'import odoo.cli' '' 'odoo.cli.main()' >"$ODOO_PATH/odoo-bin"
}

# The mirror from which the machine's own apt takes Debian itself (not its security updates).
# The first question is exact, but has no answer before the machine's first "apt-get update".
debian_mirror() {
    local mirror=${DEBIAN_MIRROR:-}
    # shellcheck disable=SC2016 # apt-get fills in these variables
    [[ -n $mirror ]] || mirror=$(apt-get indextargets --format '$(LABEL)|$(SITE)' 'Identifier: Packages' \
        | awk -F '|' '$1 == "Debian" && !m {m = $2} END {print m}')
    [[ -n $mirror ]] || mirror=$(apt-get update --print-uris \
        | awk -F "'" '/\/dists\/[^\/]+\/main\/binary-/ && !/security/ && !m {m = $2} END {sub("/dists/.*", "", m); print m}')
    echo "${mirror%/}"
}

# Debian's package is less to fetch, from a mirror nearby. Where it cannot be had (no apt, or not Debian's; the package
# has gone), Odoo comes by git.
fetch_odoo() {
    local tree=$1 work=$CACHE/odoo/.fetch
    rm -rf "$work"
    mkdir -p "$work"
    if fetch_odoo_package "$work"; then
        mv "$work/unpacked" "$tree" # the tree appears whole or not at all
    else
        fetch_odoo_by_git "$work/git"
        mv "$work/git" "$tree"
    fi
    rm -rf "$work"
}

# Fetch Debian's package (only Debian's unstable suite has Odoo 19) into WORK/unpacked, without installing it and without
# touching the machine's own package lists. Called in a condition, where bash does not stop at errors.
fetch_odoo_package() {
    local work=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror package
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [[ -r $keyring ]] || return 1
    mirror=$(debian_mirror) || return 1
    [[ -n $mirror ]] || return 1

    say "Fetching Odoo 19 (Debian's package, 1.2 GB unpacked) …"
    mkdir -p "$work"/{lists/partial,cache/archives/partial,debs,root} || return 1
    : >"$work/status"
    echo "deb [signed-by=$keyring] $mirror unstable main" >"$work/sources.list"
    local apt=(apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3)
    "${apt[@]}" update || {
        say "apt-get could not read the package list of $mirror (see above)."
        return 1
    }
    # Beside Odoo: the JavaScript libraries and fonts that Debian's package has as
    # symbolic links to other packages; without jQuery every page is an error.
    (cd "$work/debs" && "${apt[@]}" download odoo-19 libjs-jquery libjs-jquery-form libjs-underscore \
        fonts-font-awesome fonts-roboto-unhinted fonts-inconsolata fonts-ocr-b fonts-montserrat) || {
        say "apt-get could not download Odoo 19 from $mirror (see above)."
        return 1
    }
    for package in "$work"/debs/*.deb; do
        dpkg-deb -x "$package" "$work/unpacked" || return 1
    done
    # Debian leaves this library out for its licence; a page that misses it logs an error
    # in the browser's console, and that fails every tour.
    local stub=$work/unpacked/usr/lib/python3/dist-packages/odoo/addons/mail/static/lib/selfie_segmentation
    mkdir -p "$stub" && echo '/* not in this distribution of Odoo */' >"$stub/selfie_segmentation.js" || return 1
    is_odoo_19 "$work/unpacked/usr/lib/python3/dist-packages/odoo" || {
        say "Debian's package odoo-19 of $mirror holds another Odoo."
        return 1
    }
}

fetch_odoo_by_git() {
    local tree=$1 address=${ODOO_GIT:-https://github.com/odoo/odoo}
    local hint="Or get the source of Odoo 19.0 yourself and set ODOO_DIR to its folder."
    command -v git >/dev/null || die "Odoo is fetched with git where Debian's package cannot be had, and this machine" \
        "has no git. Install it and run the command again. $hint"
    say "Fetching Odoo 19.0 with git from $address (only its last state, some 1.5 GB on the disk) …"
    # git says how far it is, on a terminal.
    GIT_TERMINAL_PROMPT=0 git clone --quiet --depth 1 --branch 19.0 --single-branch \
        "$([[ -t 2 ]] && echo --progress || echo --no-progress)" "$address" "$tree" \
        || die "git could not fetch the branch 19.0 of $address (see above)." \
            "ODOO_GIT names another address of Odoo's repository. $hint"
    is_odoo_19 "$tree/odoo" || die "The branch 19.0 of $address is no Odoo 19.0: it has no odoo/release.py of that series." \
        "ODOO_GIT names another address of Odoo's repository. $hint"
}
