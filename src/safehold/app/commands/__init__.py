"""The commands of `safehold`, one module each; every module has `add(subparsers)`."""
