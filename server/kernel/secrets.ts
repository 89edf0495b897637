/**
 * How secrets at rest (the Matrix signing key, session keys) are sealed before they are written.
 *
 * The host chooses: the system's key store in the desktop app, a passphrase where one is given, or
 * nothing, and then the files' mode 0600 is all that protects them.
 */
export type SecretBox = {
  /** Where the sealing key lives; shown in the app. `file` means `seal` changes nothing. */
  readonly kind: 'system' | 'passphrase' | 'file'
  seal(plain: Uint8Array): Promise<Uint8Array>
  /** @throws Error when it was sealed elsewhere, or changed since */
  open(sealed: Uint8Array): Promise<Uint8Array>
}

/** No sealing: the file's mode is the protection. */
export const fileSecretBox: SecretBox = {
  kind: 'file',
  seal: async (plain) => plain,
  open: async (sealed) => sealed,
}
