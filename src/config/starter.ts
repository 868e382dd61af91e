/** The commented file that `forge config` writes: what a first backup needs, and what else works. */

export const STARTER_CONFIGURATION = `# Configuration of forge.
#
# forge looks for it at --config, $FORGE_CONFIG, ./forge.yaml, ~/.config/forge/config.yaml and
# /etc/forge/config.yaml, in this order. What is given on the command line or in the environment
# wins over this file. \${NAME} stands for an environment variable, \${NAME:-default} for one that may
# be missing, and $\${ for the characters themselves. Relative paths begin at this file's folder.

# Where backups are kept. \`forge init -r LABEL\` creates one; \`forge backup\` saves to all of them.
repositories:
  - label: main
    path: ~/forge-repository
  # - label: usb
  #   path: /media/usb/forge
  #   compression: lz4                # what differs from the settings below
  #   passphrase-file: ~/.config/forge/usb-passphrase

# What \`forge backup\` without paths saves: one snapshot for each source.
sources:
  - label: documents
    path: ~/Documents
    # paths: [~/Documents, ~/Pictures]
    # exclude: ["*.tmp", "/cache/", "!keep.tmp"]   # as in .gitignore
    # exclude-if-present: [.nobackup]              # leave out folders that hold such a file
    # one-file-system: true
    # tags: [home]
    # repositories: [main]                         # all of them when absent

# Left out of every source.
exclude:
  - "*.swp"
  - ".DS_Store"
# exclude-if-present: [.nobackup]
# exclude-caches: true                # folders marked by CACHEDIR.TAG
# one-file-system: false

# The passphrase. Without any of these FORGE_PASSPHRASE is used, or you are asked.
# passphrase-command: secret-tool lookup forge main
# passphrase-file: ~/.config/forge/passphrase
# key-file: ~/.config/forge/key       # a second factor, needed beside the passphrase

# How new repositories are encrypted.
# encryption:
#   cipher: auto                      # auto, aes-256-gcm, chacha20-poly1305 or none
#   kdf:                              # calibrated to this machine when absent
#     memory: 256 MiB
#     passes: 3
#     lanes: 4

# How new data is compressed: zstd:1 … zstd:22, lz4 or none.
compression: zstd:3

# Name of this machine in snapshots, when it is not the host name.
# hostname: laptop

# Defaults of \`forge mount\`.
# mount:
#   allow-other: false
#   cache-size: 32 MiB
`;
