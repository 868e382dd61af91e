# Sourced by demo.sh and test.sh: dependencies, a Node new enough, and the build. POSIX sh.
# Takes the names of Debian packages that are needed, as arguments of `need_packages`.

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1

say() { printf '%s\n' "$*" >&2; }

# Installs missing Debian packages as root, else names them in one sentence and goes on.
need_packages() {
  missing=""
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || [ -x "/sbin/${pair%%:*}" ] || [ -x "/usr/sbin/${pair%%:*}" ] ||
      missing="$missing ${pair#*:}"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "Installing system packages:$missing"
    # shellcheck disable=SC2086 -- a list of words
    { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing ||
      { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; }
    } >/dev/null 2>&1 && return 0
  fi
  say "Some things need system packages that are not installed; on Debian: apt-get install$missing"
}

install_dependencies() {
  command -v npm >/dev/null 2>&1 || {
    say "forge needs Node.js with npm (20 or newer to begin with); install it first."
    exit 1
  }
  stamp=node_modules/.forge-installed
  if [ ! -f "$stamp" ] || [ package-lock.json -nt "$stamp" ]; then
    say "Installing dependencies from the npm registry…"
    npm ci --no-fund --no-audit --loglevel=error >&2 || exit 1
    touch "$stamp"
  fi
  PATH="$root/node_modules/node/bin:$root/node_modules/.bin:$PATH"
  export PATH
}

build() {
  say "Building…"
  node scripts/build.mjs --if-needed >&2 || exit 1
}
