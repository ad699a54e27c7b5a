# Sourced by the set-up scripts: apt_install PACKAGE... installs Debian or Ubuntu packages when that is
# permitted (root, or sudo that asks no password). On failure it prints the reason and returns 1.
apt_install() {
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "this system has no apt-get"
        return 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root="env"
    elif sudo -n true >/dev/null 2>&1; then
        as_root="sudo -n env"
    else
        echo "it needs root or sudo without a password"
        return 1
    fi
    # A failed update is no verdict: the lists on disk may do, and if not, the install says so.
    apt_get update >/dev/null 2>&1 || true
    if ! log=$(apt_get install -y --no-install-recommends "$@" 2>&1); then
        echo "apt-get: $(echo "$log" | grep -m1 '^E:' || echo 'stopped after 10 minutes')"
        return 1
    fi
}

apt_get() {
    # shellcheck disable=SC2086  # as_root may be two words
    timeout 600 $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=2 \
        -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}
